package reach

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// A Prover bounds what a model says that a system may do. It never changes and is safe for concurrent use.
type Prover struct {
	system       *safex.System
	nx, nu       int
	source       source
	prior        *num.Program   // nil for the state that stays
	turned       *num.Program   // the same without sines of angles that are known by them; nil if it has none
	scale, floor []float64      // [nx], of the epistemic deviation
	limits       []*num.Program // of the Outcome, the limits alone, as they are and, if that differs, turned
	unit         []float64      // [nx], of networks, which engines run in float32; nil of others
	signal       []float64      // [nx], of processes of one covariance: the deviation where nothing was seen; nil of others
}

// A source encloses the change of the state that a model believes in. It never changes.
type source interface {
	// patcher is the memory of a worker, for patches of nv variables.
	patcher(nv int) patcher
	// setter is the memory of a worker, for regions.
	setter() setter
}

// A setter encloses the change over a region.
type setter interface {
	enclose(dst *enclosure, r *region)
}

// A patcher encloses changes over patches, each for itself.
type patcher interface {
	enclose(dst *enclosures, p *patches)
}

// New returns a Prover of the beliefs of m about s. The error says that m has no Form, or one that this package knows no bounds of. It
// panics if the Form does not fit the system.
func New(s *safex.System, m safex.Model) (*Prover, error) {
	f := safex.FormOf(m)
	if f == nil {
		return nil, fmt.Errorf("reach: a %T does not say what it computes", m)
	}
	nx, nu := len(s.State), len(s.Action)
	p := &Prover{system: s, nx: nx, nu: nu, source: still(nx), scale: ones(nx), floor: make([]float64, nx)}
	var err error
	switch {
	case f.Layers != nil:
		p.source, err = newNetwork(f.Layers, nx, nx+nu, f.Doubted)
		if p.unit = f.Layers.Unit; p.unit == nil {
			p.unit = ones(nx)
		}
	case f.Features != nil:
		p.source = newFeatures(f.Features, nx, nx+nu)
	case f.Kernels != nil:
		p.source, err = newGaussian(f.Kernels, nx, nx+nu)
	case f.Process != nil:
		p.source, p.signal = newShared(f.Process, nx, nx+nu), f.Process.Deviation
	}
	if err != nil {
		return nil, err
	}
	if f.Scale != nil && len(f.Scale) != nx || f.Floor != nil && len(f.Floor) != nx || f.Noise != nil && len(f.Noise) != nx {
		panic(fmt.Sprintf("reach: %d scales, %d floors and %d deviations of noise for %d state dimensions", len(f.Scale), len(f.Floor), len(f.Noise), nx))
	}
	if spots := f.Spotted(); spots != nil {
		p.source = newSpotted(p.source, f.Noise, spots, nx+nu)
	}
	copy(p.scale, f.Scale)
	copy(p.floor, f.Floors(nx))
	if f.Prior != nil {
		if f.Prior.In != nx+nu || f.Prior.Out != nx {
			panic(fmt.Sprintf("reach: a prior of %d inputs and %d outputs for %d state and %d action dimensions", f.Prior.In, f.Prior.Out, nx, nu))
		}
		p.prior = f.Prior
		var all []int
		for d := range nx {
			all = append(all, d)
		}
		if q, same := turned(f.Prior, all); !same {
			p.turned = q
		}
	}
	var limits []int
	for k := range s.Limits {
		limits = append(limits, 1+k)
	}
	p.limits = []*num.Program{picked(s.Outcome, limits)}
	if q, same := turned(s.Outcome, limits); !same {
		p.limits = append(p.limits, q)
	}
	return p, nil
}

// still is the source of no change, without doubt, of so many dimensions.
type still int

func (s still) patcher(int) patcher { return straight{stillPatch{}} }

func (s still) setter() setter { return stillSet(s) }

// stillPatch is a still's patcher.
type stillPatch struct{}

func (stillPatch) enclose(dst *enclosures, _ *patches) {
	clear(dst.mid)
	clear(dst.slope)
	clear(dst.rad)
	clear(dst.dev)
}

// stillSet is a still's setter.
type stillSet int

func (s stillSet) enclose(dst *enclosure, r *region) {
	dst.resize(int(s), r.nv)
	clear(dst.mid)
	clear(dst.slope)
	clear(dst.rad)
	clear(dst.dev)
}
