package ensemble

import (
	"context"
	"fmt"
	"math"

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
	set := prepare(s, data, e.HoldOut)
	var start state
	switch p := prev.(type) {
	case nil:
		start = fresh(sh, src.Child("weights"))
	case *model:
		if p.shape != sh {
			return nil, fmt.Errorf("ensemble: cannot go on from an %v with an %v", p.shape, sh)
		}
		start = p.trained
		if outgrown(p.yScale, set.yScale) {
			start = fresh(sh, src.Child("weights"))
		}
	default:
		return nil, fmt.Errorf("ensemble: cannot go on from a %T", prev)
	}

	t, back, err := borrow(recipe{sh, e.Batch, e.LearningRate, e.WeightDecay})
	if err != nil {
		return nil, err
	}
	defer back()
	if err := t.set(start); err != nil {
		return nil, err
	}
	best, stopped, err := e.fit(ctx, t, set, src)
	if err != nil {
		return nil, err
	}
	fitted, err := newModel(sh, set.inScale, set.yScale, best)
	if err != nil {
		return nil, err
	}
	return fitted, stopped
}

// outgrown tells whether the movement in some dimension has become wider by more than 4 since the last fit.
// Weights that learned small movements are too rough for large ones: on a quadrotor whose first actions
// were gentle, going on from them left errors and doubts several times those of fresh weights in most dimensions,
// and rollouts that explode.
func outgrown(before, now []float64) bool {
	for d := range now {
		if now[d] > 4*before[d] {
			return true
		}
	}
	return false
}

// fit takes gradient steps until the held-out likelihood stops improving, and returns the best state
// seen. stopped is ctx's error, if that ended it.
func (e Ensemble) fit(ctx context.Context, t *trainer, set *dataset, src rng.Stream) (best state, stopped, err error) {
	least, bestAt := math.Inf(1), 0
	look := func(step int) error {
		nll, err := t.heldOut(set.held)
		if err != nil || !(nll < least) {
			return err
		}
		least, bestAt = nll, step
		best, err = t.get()
		return err
	}
	if err := look(0); err != nil {
		return best, nil, err
	}
	epoch := max(1, len(set.train)/t.batch)              // steps in which each member sees every row about once
	every := min(max(epoch, 25), e.Patience, e.MaxSteps) // often enough that a fit cannot end without a look
	decks := make([]deck, t.members)
	for k := range decks {
		decks[k] = newDeck(len(set.train), src.Child("order").At(k))
	}
	x, y := make([]float32, t.members*t.in*t.batch), make([]float32, t.members*t.out*t.batch)
	for step := 1; step <= e.MaxSteps && (step <= e.MinSteps || step-bestAt <= e.Patience); step++ {
		set.draw(x, y, t, decks)
		_, err := t.step.Call(
			tensors.FromFlatDataAndDimensions(x, t.members, t.in, t.batch),
			tensors.FromFlatDataAndDimensions(y, t.members, t.out, t.batch))
		if err != nil {
			return best, nil, fmt.Errorf("ensemble: gradient step: %w", err)
		}
		if step%every == 0 {
			if err := look(step); err != nil {
				return best, nil, err
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	last, err := t.get()
	if err != nil {
		return best, nil, err
	}
	if best.layers == nil || !last.finite() { // GoMLX's activations can turn a NaN into a number: look at the weights
		return best, nil, fmt.Errorf("ensemble: weights became NaN or Inf after %v gradient steps: lower LearningRate, now %v", last.steps, e.LearningRate)
	}
	return best, ctx.Err(), nil
}

// dataset is normalised data: row i is transition i.
type dataset struct {
	inScale, yScale []float64
	x, y            num.Batch
	train           []int // rows
	held            *rows
}

// rows are held-out transitions as tensors, padded with rows of weight 0.
type rows struct{ x, y, weight *tensors.Tensor }

func prepare(s *safex.System, data *safex.Data, holdOut int) *dataset {
	n := data.Len()
	set := &dataset{x: num.NewBatch(len(data.X)+len(data.U), n), y: num.NewBatch(len(data.X), n)}
	for k, v := range append(append([]safex.Var{}, s.State...), s.Action...) {
		set.inScale = append(set.inScale, v.Scale)
		column := data.U
		if k < len(data.X) {
			column = data.X[k:]
		} else {
			column = column[k-len(data.X):]
		}
		for i, raw := range column[0] {
			set.x[k][i] = raw / v.Scale
		}
	}
	for d := range data.X {
		var square float64
		for i := range n {
			set.y[d][i] = data.Next[d][i] - data.X[d][i]
			square += set.y[d][i] * set.y[d][i]
		}
		// The weights go on although this scale changes: the doubt of untrained regions grows with the
		// movement seen, which errs on the side of caution when a system begins to move faster.
		// A dimension that has not moved is scaled as one that moves by a millionth of its Scale.
		scale := max(math.Sqrt(square/float64(n)), 1e-6*s.State[d].Scale)
		set.yScale = append(set.yScale, scale)
		for i := range n {
			set.y[d][i] /= scale
		}
	}
	var held []int
	for i := range n {
		if i%holdOut == holdOut-1 {
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
		gx.Columns(pick(set.x, held), lanes, len(set.x), lanes),
		gx.Columns(pick(set.y, held), lanes, len(set.y), lanes),
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

// draw fills a minibatch for each member: x as [members, in, batch] and y as [members, out, batch].
func (set *dataset) draw(x, y []float32, t *trainer, decks []deck) {
	for m := range decks {
		for b := range t.batch {
			row := set.train[decks[m].next()]
			for k, column := range set.x {
				x[(m*t.in+k)*t.batch+b] = float32(column[row])
			}
			for k, column := range set.y {
				y[(m*t.out+k)*t.batch+b] = float32(column[row])
			}
		}
	}
}

// deck deals the numbers below n in random order, and shuffles again when it is through.
type deck struct {
	order []int
	at    int
	src   rng.Stream
	round int
}

func newDeck(n int, src rng.Stream) deck {
	d := deck{order: make([]int, n), at: n, src: src}
	for i := range d.order {
		d.order[i] = i
	}
	return d
}

func (d *deck) next() int {
	if d.at == len(d.order) {
		d.src.At(d.round).Rand().Shuffle(len(d.order), func(i, j int) { d.order[i], d.order[j] = d.order[j], d.order[i] })
		d.at, d.round = 0, d.round+1
	}
	d.at++
	return d.order[d.at-1]
}

var _ safex.Learner = Ensemble{}
