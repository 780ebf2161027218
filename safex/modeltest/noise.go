package modeltest

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// told is the bound of the noise that is declared of the pendulum's turn rate, in rad/s.
const told = 0.2

// declared checks that a learner who is told of noise leaves that to who plans: of transitions that it has not seen, the noisy dimension ends in its box, which has the
// noise that is declared besides what the model doubts. The model doubts no more than that of a learner who was told nothing and, unless it keeps the noise, its
// variance is less by half of what is declared, or of what it was.
func declared(t *testing.T, l safex.Codec, laws Laws) {
	const n, fresh = 160, 100
	s, data := Pendulum(t, n+fresh)
	r := rng.New(4).Child("noise").Rand()
	for i := range data.Next[2] {
		data.Next[2][i] += told * (2*r.Float64() - 1)
	}
	task := s.Task
	task.Expected = []safex.Expectation{{Kind: safex.ProcessNoise, On: "omega", Size: told, Within: true}}
	knows, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	x, u := tail(data.X, n), tail(data.U, n)
	doubts := func(of *safex.System) (all *safex.Prediction, doubts [][]float64, beta float64) {
		m, err := l.Learn(context.Background(), of, head(data, n), nil, rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		rolls(t, s, m, laws) // as s, for which nothing is declared, so that what rolls is the model alone
		p := predict(t, m, x, u)
		for d, column := range p.Epistemic {
			doubts = append(doubts, make([]float64, len(column)))
			for i, v := range column {
				doubts[d][i] = math.Hypot(v, p.Aleatoric[d][i])
			}
		}
		return p, doubts, max(3, safex.BetaOf(m))
	}
	p, less, beta := doubts(knows)
	q, more, _ := doubts(s)
	outside := 0
	for i, next := range data.Next[2][n:] {
		if !(math.Abs(next-p.Mean[2][i]) <= beta*less[2][i]+told) {
			outside++
		}
	}
	if outside > fresh/10 {
		t.Errorf("%d of %d transitions are outside of the box that has the noise which is declared", outside, fresh)
	}
	for d := range less {
		for i, v := range less[d] {
			if !(v <= more[d][i]*(1+1e-9)) {
				t.Fatalf("dimension %d of transition %d is doubted by %v where the noise is declared, and by %v where it is not", d, i, v, more[d][i])
			}
		}
	}
	median := func(v []float64) float64 { return slices.Sorted(slices.Values(v))[fresh/2] }
	was, is := median(q.Aleatoric[2]), median(p.Aleatoric[2])
	if was == 0 { // of a model that has it in its epistemic deviation, or that has none
		was, is = median(more[2]), median(less[2])
	}
	if !laws.KeepsNoise && was*was-is*is < 0.5*min(was*was, told*told) {
		t.Errorf("what is doubted of the noisy dimension is %v where its noise is declared, and %v where it is not", is, was)
	}
}

// tail is all of b from point n on.
func tail(b num.Batch, n int) (rest num.Batch) {
	for _, column := range b {
		rest = append(rest, column[n:])
	}
	return rest
}
