package linear

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
)

// file is a saved posterior.
type file struct {
	Kind     string
	Format   int
	Features string    // fingerprint
	Noise    float64   // in scales
	Scale    []float64 // of each dimension of the state
	Weights  []float64 // [k, nx]
	Root     []float64 // [k, k]
	SHA256   string    // of all of the above, with SHA256 empty
}

const kind, format = "linear", 1

// Save implements safex.Keeper. Go writes numbers such that they come back with the same bits.
func (l Linear) Save(sm safex.Model) ([]byte, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("linear: cannot save a %T", sm)
	}
	return file{
		Kind: kind, Format: format, Features: hex.EncodeToString(fingerprint(m.program)), Noise: m.noise, Scale: m.scale,
		Weights: m.w.RawMatrix().Data, Root: m.root.RawMatrix().Data,
	}.seal()
}

// seal sets the checksum and encodes f.
func (f file) seal() ([]byte, error) {
	f.SHA256 = ""
	data, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("linear: save: %w", err)
	}
	sum := sha256.Sum256(data)
	f.SHA256 = hex.EncodeToString(sum[:])
	return json.Marshal(f)
}

// Load implements safex.Keeper.
func (l Linear) Load(s *safex.System, data []byte) (safex.Model, error) {
	p, err := l.features(s)
	if err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("linear: load: damaged model: %w", err)
	}
	if f.Kind != kind || f.Format != format {
		return nil, fmt.Errorf("linear: load: a %q of format %d, want a %q of format %d", f.Kind, f.Format, kind, format)
	}
	if again, err := f.seal(); err != nil || !bytes.Equal(again, data) {
		return nil, fmt.Errorf("linear: load: damaged model: its checksum is wrong")
	}
	nx, k := len(s.State), p.Out
	if f.Features != hex.EncodeToString(fingerprint(p)) || len(f.Scale) != nx || len(f.Weights) != k*nx || len(f.Root) != k*k {
		return nil, fmt.Errorf("linear: load: a model of other features than those of this learner and task %q", s.Name)
	}
	return newModel(s, p, f.Noise, mat.NewDense(k, nx, f.Weights), mat.NewDense(k, k, f.Root))
}
