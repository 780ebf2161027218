package ensemble

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
)

// file is a saved model. Its arrays are little-endian float32.
type file struct {
	Members    int
	In, Out    int
	Hidden     string
	Activation string
	Input      frame
	YScale     []float64
	Noise      []float64 // nil if it is learned
	Steps      int
	Lot        uint64
	Layers     [][]byte
	Moment1    [][]byte
	Moment2    [][]byte
	Average    [][]byte
}

const kind, format = "ensemble", 3

// Save implements safex.Codec.
func (e Ensemble) Save(sm safex.Model) ([]byte, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("ensemble: cannot save a %T", sm)
	}
	t := m.trained
	return checksum.Seal(kind, format, file{
		Members: m.shape.members, In: m.shape.in, Out: m.shape.out, Hidden: m.shape.hidden, Activation: m.shape.activation,
		Input: m.in, YScale: m.yScale, Noise: m.noise, Steps: t.steps, Lot: t.lot,
		Layers: pack(t.layers), Moment1: pack(t.moment1), Moment2: pack(t.moment2), Average: pack(t.average),
	})
}

// Load implements safex.Codec.
func (e Ensemble) Load(s *safex.System, data []byte) (safex.Model, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	var head struct{ Format int }
	if json.Unmarshal(data, &head) == nil && head.Format == 1 {
		return nil, fmt.Errorf("ensemble: load: a model of format 1, without averaged weights: want format %d, learn it anew", format)
	}
	var f file
	if err := checksum.Open(kind, format, data, &f); err != nil {
		return nil, err
	}
	sh := shape{f.Members, f.In, f.Out, f.Hidden, f.Activation, f.Noise != nil}
	if want := e.shape(len(s.State), len(s.Action)); sh != want {
		return nil, fmt.Errorf("ensemble: load: an %v, want an %v", sh, want)
	}
	trained := state{unpack(f.Layers), unpack(f.Moment1), unpack(f.Moment2), unpack(f.Average), f.Steps, f.Lot}
	return newModel(sh, f.Input, f.YScale, f.Noise, s.NoiseVariance(), trained)
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

var _ safex.Codec = Ensemble{}
