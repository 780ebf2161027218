package ensemble

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
)

// file is a saved model: JSON, whose arrays are little-endian float32 in base64.
type file struct {
	Kind       string
	Format     int
	Members    int
	In, Out    int
	Hidden     string
	Activation string
	InScale    []float64
	YScale     []float64
	Steps      float32
	Layers     [][]byte
	Moment1    [][]byte
	Moment2    [][]byte
	SHA256     string // of all of the above, with SHA256 empty
}

const kind, format = "ensemble", 1

// Save implements safex.Keeper.
func (e Ensemble) Save(sm safex.Model) ([]byte, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("ensemble: cannot save a %T", sm)
	}
	f := file{
		Kind: kind, Format: format, Members: m.shape.members, In: m.shape.in, Out: m.shape.out,
		Hidden: m.shape.hidden, Activation: m.shape.activation,
		InScale: m.inScale, YScale: m.yScale, Steps: m.trained.steps,
		Layers: pack(m.trained.layers), Moment1: pack(m.trained.moment1), Moment2: pack(m.trained.moment2),
	}
	return f.seal()
}

// seal sets the checksum and encodes f.
func (f file) seal() ([]byte, error) {
	f.SHA256 = ""
	data, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("ensemble: save: %w", err)
	}
	sum := sha256.Sum256(data)
	f.SHA256 = hex.EncodeToString(sum[:])
	return json.Marshal(f)
}

// Load implements safex.Keeper.
func (e Ensemble) Load(s *safex.System, data []byte) (safex.Model, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("ensemble: load: damaged model: %w", err)
	}
	if f.Kind != kind || f.Format != format {
		return nil, fmt.Errorf("ensemble: load: a %q of format %d, want an %q of format %d", f.Kind, f.Format, kind, format)
	}
	if again, err := f.seal(); err != nil || !bytes.Equal(again, data) {
		return nil, fmt.Errorf("ensemble: load: damaged model: its checksum is wrong")
	}
	sh := shape{f.Members, f.In, f.Out, f.Hidden, f.Activation}
	if want := e.shape(len(s.State), len(s.Action)); sh != want {
		return nil, fmt.Errorf("ensemble: load: an %v, want an %v", sh, want)
	}
	trained := state{unpack(f.Layers), unpack(f.Moment1), unpack(f.Moment2), f.Steps}
	return newModel(sh, f.InScale, f.YScale, trained)
}

func pack(arrays [][]float32) (packed [][]byte) {
	for _, a := range arrays {
		b, err := binary.Append(nil, binary.LittleEndian, a)
		if err != nil {
			panic(err) // float32 has a fixed size
		}
		packed = append(packed, b)
	}
	return packed
}

func unpack(packed [][]byte) (arrays [][]float32) {
	for _, b := range packed {
		a := make([]float32, len(b)/4)
		if _, err := binary.Decode(b, binary.LittleEndian, a); err != nil {
			panic(err) // the length fits by construction
		}
		arrays = append(arrays, a)
	}
	return arrays
}

var _ safex.Keeper = Ensemble{}
