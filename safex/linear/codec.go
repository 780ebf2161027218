package linear

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
)

// file is a saved posterior.
type file struct {
	Features string    // fingerprint
	Noise    float64   // in scales
	Scale    []float64 // of each dimension of the state
	Weights  []float64 // [k, nx]
	Root     []float64 // [k, k]
}

const kind, format = "linear", 2

// Save implements safex.Codec.
func (l Linear) Save(sm safex.Model) ([]byte, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("linear: cannot save a %T", sm)
	}
	return checksum.Seal(kind, format, file{
		Features: m.program.Fingerprint(), Noise: m.noise, Scale: m.scale,
		Weights: m.w.RawMatrix().Data, Root: m.root.RawMatrix().Data,
	})
}

// Load implements safex.Codec.
func (l Linear) Load(s *safex.System, data []byte) (safex.Model, error) {
	p, err := l.features(s)
	if err != nil {
		return nil, err
	}
	var f file
	if err := checksum.Open(kind, format, data, &f); err != nil {
		return nil, err
	}
	nx, k := len(s.State), p.Out
	if f.Features != p.Fingerprint() || len(f.Scale) != nx || len(f.Weights) != k*nx || len(f.Root) != k*k {
		return nil, fmt.Errorf("linear: load: a model of other features than those of this learner and task %q", s.Name)
	}
	return newModel(s, p, f.Noise, mat.NewDense(k, nx, f.Weights), mat.NewDense(k, k, f.Root))
}
