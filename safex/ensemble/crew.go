package ensemble

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A crew trains an ensemble. Members that do not depend on each other are shared out between two trainers that work side by side:
// a graph of all members is a chain of small operations, which takes as long on two cores as on one, and one of each member spends a
// third more on overhead. They are shared out alike on any number of cores, as GoMLX's products of wide layers have other last bits for
// other numbers of members.
type crew struct {
	recipe
	trainers []*trainer // each of the members after those of the one before
}

// trainers lends the trainers of each recipe, so that no fit but the first compiles a training graph.
// The graph that looks at held-out rows is compiled again each time that their number passes a power of two.
var trainers struct {
	sync.Mutex
	free  map[place][]*trainer
	built atomic.Int64 // training graphs
	steps atomic.Int64 // gradient steps, of all members
}

// place is where trainers of a recipe wait.
type place struct {
	recipe
	backend compute.Backend
}

// shares are the places of the trainers of a recipe.
func shares(r recipe) (ps []place, err error) {
	backend, err := gx.TrainingBackend()
	if err != nil {
		return nil, err
	}
	lone, err := gx.LoneBackend()
	if err != nil || lone == nil || r.svgd.On {
		return []place{{r, backend}}, err
	}
	more, fewer := r, r
	more.members, fewer.members = (r.members+1)/2, r.members/2
	return []place{{more, lone}, {fewer, lone}}, nil
}

// borrow returns a crew whose variables are undefined, and a function that gives it back.
func borrow(r recipe) (c *crew, back func(), err error) {
	ps, err := shares(r)
	if err != nil {
		return nil, nil, err
	}
	c = &crew{recipe: r}
	back = func() {
		trainers.Lock()
		defer trainers.Unlock()
		if trainers.free == nil {
			trainers.free = map[place][]*trainer{}
		}
		for i, t := range c.trainers {
			trainers.free[ps[i]] = append(trainers.free[ps[i]], t)
		}
	}
	for _, p := range ps {
		t, err := p.borrow()
		if err != nil {
			back()
			return nil, nil, err
		}
		c.trainers = append(c.trainers, t)
	}
	return c, back, nil
}

// borrow returns a trainer that waits at p, or a new one.
func (p place) borrow() (*trainer, error) {
	trainers.Lock()
	defer trainers.Unlock()
	if free := trainers.free[p]; len(free) > 0 {
		trainers.free[p] = free[:len(free)-1]
		return free[len(free)-1], nil
	}
	return newTrainer(p.recipe, p.backend)
}

// each calls do for every trainer, side by side, with its number and that of its first member.
func (c *crew) each(do func(k int, t *trainer, from int) error) (err error) {
	errs := make([]error, len(c.trainers))
	var wait sync.WaitGroup
	from := 0
	for k, t := range c.trainers {
		at := from
		one := func() {
			defer gx.Catch(&errs[k])
			errs[k] = do(k, t, at)
		}
		if k == len(c.trainers)-1 {
			one()
		} else {
			wait.Go(one)
		}
		from += t.members
	}
	wait.Wait()
	for _, e := range errs {
		if e != nil {
			return e
		}
	}
	return nil
}

// set makes the crew go on from s.
func (c *crew) set(s state) error {
	return c.each(func(_ int, t *trainer, from int) error { return t.set(s, from, c.members) })
}

// get is a copy of what the crew has reached, less the lot.
func (c *crew) get() (s state, err error) {
	for _, t := range c.trainers {
		if err == nil {
			err = t.get(&s)
		}
	}
	return s, err
}

// draws are batches for each trainer, as dataset.batches has them. order is a stream of the fit, and lot that of the run. What
// all trainers read of set is moved to where they do, once for all steps.
func (c *crew) draws(e Ensemble, set *dataset, order, lot rng.Stream) (all []func() (x, y []float32), err error) {
	from := 0
	for _, t := range c.trainers {
		decks := e.decks(len(set.train), order, lot) // those of others are not dealt from
		all = append(all, set.batches(t, decks[from:from+t.members]))
		from += t.members
	}
	return all, gx.ShareOn(c.trainers[0].backend, []*tensors.Tensor{set.levels, set.held.x, set.held.y, set.held.weight})
}

// watch is how many gradient steps a crew takes from one look at a context to the next.
const watch = 64

// take takes n gradient steps, each trainer from its draws. It takes fewer, but 1 at least, if ctx ends, and returns how many.
func (c *crew) take(ctx context.Context, n int, draws []func() (x, y []float32), levels *tensors.Tensor, learningRate, average float64) (taken int, err error) {
	for taken < n && (taken == 0 || ctx.Err() == nil) {
		lap := min(max(watch, c.trainers[0].lap), n-taken)
		if err := c.each(func(k int, t *trainer, _ int) error { return t.take(lap, draws[k], levels, learningRate, average) }); err != nil {
			return taken, err
		}
		taken += lap
		trainers.steps.Add(int64(lap))
	}
	return taken, nil
}

// heldOut is the mean negative log-likelihood of rows under the averaged weights, over rows, members and dimensions.
func (c *crew) heldOut(rows *rows, levels *tensors.Tensor) (nll float64, err error) {
	members := make([]float64, c.members)
	err = c.each(func(_ int, t *trainer, from int) error {
		each, err := t.heldOut(rows, levels)
		for i, v := range each {
			members[from+i] = float64(v)
		}
		return err
	})
	for _, v := range members {
		nll += v / float64(c.members)
	}
	return nll, err
}
