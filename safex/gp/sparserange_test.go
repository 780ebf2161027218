package gp_test

import (
	"context"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Rollouts of what the default agent believes after its random steps do not explode, on any task: under errors at the corners of a box of up to six deviations,
// for 200 steps of bold actions, no dimension moves further in a step than Sparse says. Without an end to the trend some do, by many powers of ten.
func TestSparseDoesNotExplode(t *testing.T) {
	const steps, lanes = 200, 64
	boundless, nearest := 0, 0.0
	for _, name := range experiment.Tasks.Names() {
		spec, err := experiment.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := spec.Compile()
		if err != nil {
			t.Fatal(err)
		}
		src := rng.New(1)
		e, err := s.Simulate(s.RandomPolicy(true, src.Child("random")), src)
		if err != nil {
			t.Fatal(err)
		}
		data := &safex.Data{}
		data.AppendEpisode(e.Trajectory)
		for _, reach := range []float64{gp.DefaultSparse().Range, 0} {
			spec.Learner = func() *gp.Sparse { g := gp.DefaultSparse(); g.Range = reach; return &g }()
			learner, err := spec.Compose()
			if err != nil {
				t.Fatal(err)
			}
			m, err := learner.Learn(context.Background(), s, data, nil, src)
			if err != nil {
				t.Fatal(err)
			}
			r, err := spec.Engine.Rollout(s, m)
			if err != nil {
				t.Fatal(err)
			}
			nx, nu := len(s.State), len(s.Action)
			for _, beta := range []float64{0, safex.BetaOf(m), 6} {
				c := safex.Candidates{State: e.States[0], Actions: num.NewBatch(steps*nu, lanes), Eta: num.NewBatch(steps*nx, lanes), Beta: beta}
				draw := src.Child("corners").Rand()
				corner := func() float64 { return float64(2*draw.IntN(2) - 1) }
				for lane := range lanes {
					still := make([]float64, nx) // of every other lane
					for d := range still {
						still[d] = corner()
					}
					for i := range c.Eta {
						if c.Eta[i][lane] = still[i%nx]; lane%2 == 0 {
							c.Eta[i][lane] = corner()
						}
					}
					for i := range c.Actions {
						c.Actions[i][lane] = 2*draw.Float64() - 1
					}
				}
				var out safex.Rolled
				if err := r.Roll(context.Background(), &out, c, nil); err != nil {
					t.Fatal(err)
				}
				most, beyond := 0.0, false
				for d, v := range s.State {
					a := step(safex.FormOf(m), s, gp.DefaultSparse().Range, beta, d)
					for lane := range lanes {
						for k := range steps {
							far := math.Abs(out.States[k*nx+d][lane] - e.States[0][d])
							if !(far <= float64(k+1)*a*(1+1e-9)) {
								beyond = true
							}
							most = max(most, far/v.Scale) // a NaN stays
							if reach > 0 {
								nearest = max(nearest, far/(float64(k+1)*a))
							}
						}
					}
				}
				if reach == gp.DefaultSparse().Range {
					t.Logf("%s, β = %.2f: up to %.3g Scales from the start", name, beta, most)
					if beyond { // as a NaN is
						t.Errorf("%s, β = %.2f: a rollout goes further than Sparse says, up to %.3g Scales from its start", name, beta, most)
					}
				} else if beyond {
					boundless++
				}
			}
		}
	}
	if !(nearest > 0.1) {
		t.Errorf("no rollout comes to more than %v of what Sparse says: that bounds nothing", nearest)
	}
	if boundless == 0 {
		t.Error("no rollout goes further where the trend has no end: nothing was tried")
	}
}

// step is the farthest that dimension j moves in a step, in its unit, where each input counts for no more than so many Scales: by what the model says of its form.
func step(f *safex.Form, s *safex.System, reach, beta float64, j int) float64 {
	p := f.Process
	_, scale := s.Inputs()
	k := p.Features()
	n := k - len(p.Trend)
	mean, square := 0.0, 1.0
	for i, w := range p.Weights[j*k:][:k] {
		most := 1.0 // of a correlation
		if i >= n {
			if most = p.Trend[i-n]; i > n {
				most *= reach * scale[i-n-1]
			}
			square += most * most
		}
		mean += math.Abs(w) * most
	}
	noise := 0.0
	if f.Noise != nil {
		noise = f.Noise[j]
	}
	if s := f.Spots; s != nil {
		times := 1.0
		places := len(s.Times) / len(p.Deviation)
		for _, v := range s.Times[j*places:][:places] {
			times += v
		}
		noise *= math.Sqrt(times)
	}
	return mean + beta*math.Sqrt(p.Deviation[j]*p.Deviation[j]*square+noise*noise+f.Floor[j]*f.Floor[j])
}
