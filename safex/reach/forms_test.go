package reach

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// forms are one of each kind, for a state of 3 and an action of 1.
func forms(r *rand.Rand) map[string]*safex.Form {
	pendulum, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		panic(err)
	}
	all := map[string]*safex.Form{"none": {}, "prior": {Prior: pendulum.Dynamics}}
	for _, act := range []string{"swish", "relu", "tanh"} {
		for _, hidden := range [][]int{nil, {20}, {64, 64}, {17, 9, 30}} {
			for _, apart := range []float64{1, 0.01} {
				all[fmt.Sprintf("%s %v %v", act, hidden, apart)] = &safex.Form{Layers: layersOf(r, 3, 1, 5, hidden, act, apart)}
			}
		}
	}
	all["one member"] = &safex.Form{Layers: layersOf(r, 3, 1, 1, []int{8, 8}, "swish", 1)}
	all["prior and network"] = &safex.Form{Layers: layersOf(r, 3, 1, 3, []int{16, 16}, "swish", 0.1), Prior: pendulum.Dynamics}
	all["calibrated"] = &safex.Form{Layers: layersOf(r, 3, 1, 3, []int{16, 16}, "swish", 0.1), Scale: []float64{0.5, 2, 3}, Floor: []float64{0, 0.1, 1e-3}}
	for _, act := range []string{"swish", "relu", "tanh"} {
		for _, hidden := range [][]int{nil, {20}, {16, 16}, {7, 9, 8}} {
			all[fmt.Sprintf("noise %s %v", act, hidden)] = &safex.Form{Layers: noisy(r, 3, 1, 3, hidden, act, 0.1), Doubted: true}
		}
	}
	all["noise that is not doubted"] = &safex.Form{Layers: noisy(r, 3, 1, 3, []int{16, 16}, "swish", 0.1), Noise: []float64{1, 1, 1}}
	all["calibrated noise"] = &safex.Form{Layers: noisy(r, 3, 1, 3, []int{16, 16}, "swish", 0.1), Doubted: true, Scale: []float64{0.5, 2, 3}, Floor: []float64{0, 0.1, 1e-3}}
	declared := noisy(r, 3, 1, 3, []int{16, 16}, "swish", 0.1)
	declared.Declared = []float64{0, 0.01, 100}
	all["noise that is declared"] = &safex.Form{Layers: declared, Doubted: true}
	all["constant noise"] = &safex.Form{Layers: layersOf(r, 3, 1, 3, []int{16, 16}, "swish", 0.1), Doubted: true, Noise: []float64{0.1, 0, 0.3}, Scale: []float64{0.5, 2, 3}}
	all["process"] = &safex.Form{Process: processOf(r, 3, 4, 20, 0.7)}
	all["process without a trend"] = &safex.Form{Process: processOf(r, 3, 4, 20, 0)}
	all["process without points"] = &safex.Form{Process: processOf(r, 3, 4, 0, 0.5)}
	all["process without either"] = &safex.Form{Process: processOf(r, 3, 4, 0, 0)}
	all["process with noise"] = &safex.Form{Process: processOf(r, 3, 4, 7, 0.3), Doubted: true, Noise: []float64{0.01, 0, 0.02}, Floor: []float64{0, 0.01, 1e-3}}
	all["process with spots of noise"] = &safex.Form{Process: processOf(r, 3, 4, 7, 0.3), Doubted: true, Noise: []float64{0.01, 0, 0.02}, Spots: spotsOf(r, 3, 4, 5), Scale: []float64{0.5, 2, 3}, Floor: []float64{0, 0.01, 1e-3}}
	all["spots that are not doubted"] = &safex.Form{Process: processOf(r, 3, 4, 7, 0.3), Noise: []float64{0.1, 0.3, 0.2}, Spots: spotsOf(r, 3, 4, 5)}
	all["networks with spots of noise"] = &safex.Form{Layers: layersOf(r, 3, 1, 3, []int{16, 16}, "swish", 0.1), Doubted: true, Noise: []float64{0.1, 0, 0.3}, Spots: spotsOf(r, 3, 4, 3), Scale: []float64{0.5, 2, 3}}
	all["no spots"] = &safex.Form{Process: processOf(r, 3, 4, 7, 0.3), Doubted: true, Noise: []float64{0.01, 0, 0.02}, Spots: spotsOf(r, 3, 4, 0)}
	for kind, l := range map[string]safex.Learner{
		"linear": linear.Linear{Degree: 1, Prior: 1, Noise: 0.01}, "quadratic": linear.Linear{Degree: 2, Prior: 1, Noise: 0.01},
		"gp": processes("se"), "gp matern52": processes("matern52"), "sparse gp": unfitted(),
		"prior and gp": residual.Residual{Prior: pendulum, Learner: processes("se")},
	} {
		m, err := l.Learn(context.Background(), pendulum, transitions(pendulum, 60), nil, rng.New(1))
		if err != nil {
			panic(err)
		}
		all[kind] = safex.FormOf(m)
	}
	return all
}

// processes is a learner of Gaussian processes that takes its settings as they are.
func processes(kernel string) gp.GP {
	g := gp.Default()
	g.Kernel, g.Fit = kernel, false
	return g
}

// unfitted is the same of sparse ones.
func unfitted() gp.Sparse {
	g := gp.DefaultSparse()
	g.Fit = false
	return g
}

// transitions are the first n of episodes of random actions.
func transitions(s *safex.System, n int) *safex.Data {
	data := &safex.Data{}
	for i := 0; data.Len() < n; i++ {
		e, err := s.Simulate(s.RandomPolicy(false, rng.New(uint64(i))), rng.New(uint64(i)))
		if err != nil {
			panic(err)
		}
		for t, u := range e.Actions[:min(20, n-data.Len())] {
			data.Append(e.States[t], u, e.States[t+1])
		}
	}
	return data
}
