package ensemble

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Learn implements safex.Learner. It needs at least HoldOut transitions.
func (e Ensemble) Learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (m safex.Model, err error) {
	defer gx.Catch(&err)
	if err := e.Check(); err != nil {
		return nil, err
	}
	if data.Len() < e.HoldOut {
		return nil, fmt.Errorf("ensemble: %d transitions are too few: want at least HoldOut = %d", data.Len(), e.HoldOut)
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	sh := e.shape(len(s.State), len(s.Action))
	set := e.prepare(s, data)
	start := fresh(sh, src.Child("weights"))
	start.lot = src.Child("bootstrap").Rand().Uint64()
	switch p := prev.(type) {
	case nil:
	case *model:
		if p.shape != sh {
			return nil, fmt.Errorf("ensemble: cannot go on from an %v with an %v", p.shape, sh)
		}
		start.lot = p.trained.lot
		if !outgrown(p.yScale, set.yScale) {
			start = p.trained
		}
	default:
		return nil, fmt.Errorf("ensemble: cannot go on from a %T", prev)
	}
	if e.Forget {
		start = start.forget()
	}
	t, back, err := borrow(e.recipe(sh))
	if err != nil {
		return nil, err
	}
	defer back()
	if err := t.set(start); err != nil {
		return nil, err
	}
	best, _, stopped, err := e.fit(ctx, t, set, start.lot, src)
	if err != nil {
		return nil, err
	}
	fitted, err := newModel(sh, set.in, set.yScale, set.noise, s.NoiseVariance(), best)
	if err != nil {
		return nil, err
	}
	return fitted, stopped
}

// outgrown tells whether the movement in some dimension has become wider by more than 4 since the last fit.
// Weights that learned small movements are too rough for large ones: on a quadrotor whose first actions
// were gentle, going on from them left errors and deviations several times those of fresh weights in most dimensions,
// and rollouts that explode.
func outgrown(before, now []float64) bool {
	for d := range now {
		if now[d] > 4*before[d] {
			return true
		}
	}
	return false
}

// fit takes gradient steps until the held-out likelihood stops making progress, and returns the state whose averaged
// weights it liked best, and how well. stopped is ctx's error, if that ended it.
func (e Ensemble) fit(ctx context.Context, t *crew, set *dataset, lot uint64, src rng.Stream) (best state, least float64, stopped, err error) {
	least = math.Inf(1)
	mark, markAt := math.Inf(1), 0 // the last progress
	look := func(step int) error {
		nll, err := t.heldOut(set.held, set.levels)
		if err != nil || !(nll < least) {
			return err
		}
		least = nll
		if nll < mark-e.Progress {
			mark, markAt = nll, step
		}
		best, err = t.get()
		best.lot = lot
		return err
	}
	draws, err := t.draws(e, set, src.Child("order"), rng.New(lot))
	if err != nil {
		return best, least, nil, err
	}
	if err := look(0); err != nil {
		return best, least, nil, err
	}
	epoch := max(1, len(set.train)/t.batch)              // steps in which each member sees every row about once
	every := min(max(epoch, 25), e.Patience, e.MaxSteps) // often enough that a fit cannot end without a look
	for step := 0; ; {
		n := min(every-step%every, e.MaxSteps-step, max(e.MinSteps-step, e.Patience-(step-markAt))) // to the next look, or the end
		if n <= 0 {
			break
		}
		taken, err := t.take(ctx, n, draws, set.levels, e.LearningRate, e.Average)
		if err != nil {
			return best, least, nil, err
		}
		if step += taken; step%every == 0 {
			if err := look(step); err != nil {
				return best, least, nil, err
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	last, err := t.get()
	if err != nil {
		return best, least, nil, err
	}
	if best.layers == nil || !last.finite() { // GoMLX's activations can turn a NaN into a number: look at the weights
		return best, least, nil, fmt.Errorf("ensemble: weights became NaN or Inf within %d gradient steps: lower LearningRate, now %v", last.steps, e.LearningRate)
	}
	return best, least, ctx.Err(), nil
}

// dataset is normalised data: row i is transition i.
type dataset struct {
	in     frame
	yScale []float64
	x, y   num.Batch
	train  []int // rows
	held   *rows
	noise  []float64 // fixed aleatoric deviation of each dimension in the units of the state, or nil
	// levels are [2, out], normalised: the logarithm of noise; and the noise that repulsion is balanced for, a fiftieth of the
	// movement if it is learned.
	levels *tensors.Tensor
}

// rows are held-out transitions as tensors, padded with rows of weight 0.
type rows struct{ x, y, weight *tensors.Tensor }

func (e Ensemble) prepare(s *safex.System, data *safex.Data) *dataset {
	n := data.Len()
	set := &dataset{x: num.NewBatch(len(data.X)+len(data.U), n), y: num.NewBatch(len(data.X), n)}
	set.in.Center, set.in.Scale = s.Inputs()
	for k, column := range slices.Concat(data.X, data.U) {
		for i, v := range column {
			set.x[k][i] = (v - set.in.Center[k]) / set.in.Scale[k]
		}
	}
	for d := range data.X {
		var square float64
		for i := range n {
			set.y[d][i] = data.Next[d][i] - data.X[d][i]
			square += set.y[d][i] * set.y[d][i]
		}
		// The weights go on although this scale changes: the deviation in untrained regions grows with the
		// movement seen, which errs on the side of caution when a system begins to move faster.
		// A dimension that has not moved is scaled as one that moves by a millionth of its Scale.
		scale := max(math.Sqrt(square/float64(n)), 1e-6*s.State[d].Scale)
		set.yScale = append(set.yScale, scale)
		for i := range n {
			set.y[d][i] /= scale
		}
	}
	var logs, balanced []float64
	for d, v := range s.State {
		logNoise, small := 0.0, 0.02
		if e.Noise > 0 {
			set.noise = append(set.noise, e.Noise*v.Scale)
			small = set.noise[d] / set.yScale[d]
			logNoise = math.Log(small)
		}
		logs, balanced = append(logs, logNoise), append(balanced, small)
	}
	set.levels = tensors.FromFlatDataAndDimensions(narrow(slices.Concat(logs, balanced)), 2, len(set.y))
	var held []int
	for i := range n {
		if i%e.HoldOut == e.HoldOut-1 {
			held = append(held, i)
		} else {
			set.train = append(set.train, i)
		}
	}
	lanes := gx.Lanes(len(held))
	weight := make([]float32, lanes)
	for i := range held {
		weight[i] = 1 / float32(len(held))
	}
	set.held = &rows{
		gx.Columns[float32](pick(set.x, held), lanes, len(set.x), lanes),
		gx.Columns[float32](pick(set.y, held), lanes, len(set.y), lanes),
		tensors.FromFlatDataAndDimensions(weight, lanes),
	}
	return set
}

func pick(b num.Batch, rows []int) num.Batch {
	p := num.NewBatch(len(b), len(rows))
	for d := range b {
		for i, r := range rows {
			p[d][i] = b[d][r]
		}
	}
	return p
}

// batches returns a function that draws a batch for each member, x [members, in, batch] and y [members, out, batch], into slices
// that it uses again.
func (set *dataset) batches(t *trainer, decks []*deck) func() (x, y []float32) {
	x, y := make([]float32, t.members*t.in*t.batch), make([]float32, t.members*t.out*t.batch)
	rows := make([]int, t.batch)
	return func() ([]float32, []float32) {
		for m := range decks {
			for b := range rows {
				if m == 0 || decks[m] != decks[0] {
					rows[b] = set.train[decks[m].next()]
				}
				for k, column := range set.x {
					x[(m*t.in+k)*t.batch+b] = float32(column[rows[b]])
				}
				for k, column := range set.y {
					y[(m*t.out+k)*t.batch+b] = float32(column[rows[b]])
				}
			}
		}
		return x, y
	}
}

var _ safex.Learner = Ensemble{}
