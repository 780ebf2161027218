package fused

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// most is how many lanes a block has at most: its activations stay in the cache.
const most = 64

// bound is an Engine bound to a model.
type bound struct {
	engine  *Engine
	system  *safex.System
	belief  *belief
	outcome *num.Program
	workers sync.Pool // *worker
}

// Roll implements safex.Rollout. Blocks of lanes are shared out to the cores; how many these are changes no bit. In the
// steady state it allocates nothing, if dst has held as many candidates before.
func (r *bound) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	nx, nu, nl := len(r.system.State), len(r.system.Action), len(r.system.Limits)
	n, horizon := c.Actions.Len(), len(c.Actions)/nu
	switch {
	case len(c.State) != nx || horizon < 1 || horizon*nu != len(c.Actions) || n < 1:
		panic(fmt.Sprintf("fused: a state of %d and %d columns of %d actions for a system of %d and %d dimensions", len(c.State), len(c.Actions), n, nx, nu))
	case c.LastAction != nil && len(c.LastAction) != nu:
		panic(fmt.Sprintf("fused: a last action of %d dimensions, want %d", len(c.LastAction), nu))
	case c.Spread != nil && len(c.Spread) != nx:
		panic(fmt.Sprintf("fused: a spread of %d dimensions, want %d", len(c.Spread), nx))
	case c.Eta != nil && (len(c.Eta) != horizon*nx || c.Eta.Len() != n):
		panic(fmt.Sprintf("fused: η has %d columns of %d, want %d of %d", len(c.Eta), c.Eta.Len(), horizon*nx, n))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	dst.Resize(horizon, nx, nl, n)
	if !c.Epistemic {
		dst.Epistemic = nil
	} else {
		resize(&dst.Epistemic, horizon*nx, n)
	}
	if up == nil {
		dst.Value, dst.GradAction, dst.GradEta = nil, nil, nil
	} else {
		if len(dst.Value) != n {
			dst.Value = make([]float64, n)
		}
		resize(&dst.GradAction, horizon*nu, n)
		resize(&dst.GradEta, horizon*nx, n)
	}
	j, ok := r.engine.jobs.Get().(*job)
	if !ok {
		j = &job{}
	}
	j.ctx, j.bound, j.dst, j.c, j.horizon, j.n = ctx, r, dst, c, horizon, n
	if j.ascend = up != nil; j.ascend {
		j.up = *up
	}
	j.next.Store(0)
	j.failed.Store(false)
	var blocks int
	j.lanes, blocks = share(n, runtime.GOMAXPROCS(0))
	cores.join(j, blocks-1)
	j.work()
	cores.part(j)
	failed := j.failed.Load()
	j.ctx, j.bound, j.dst, j.c = nil, nil, nil, safex.Candidates{}
	r.engine.jobs.Put(j)
	if failed {
		return ctx.Err()
	}
	return nil
}

// share divides n candidates among workers, in blocks of lanes. Every worker gets the same number of blocks, and there are as few as
// the size of a block allows. All blocks have the same size, except the last.
func share(n, workers int) (lanes, blocks int) {
	rounds := (n + workers*most - 1) / (workers * most)
	each := workers * rounds
	lanes = (n + each*vec.Lanes - 1) / (each * vec.Lanes) * vec.Lanes
	return lanes, (n + lanes - 1) / lanes
}

func resize(b *num.Batch, dim, n int) {
	if len(*b) != dim || b.Len() != n {
		*b = num.NewBatch(dim, n)
	}
}

// job is a call of Roll, for workers that share its blocks.
type job struct {
	ctx        context.Context
	bound      *bound
	dst        *safex.Rolled
	c          safex.Candidates
	ascend     bool
	up         safex.Scalarisation
	horizon, n int
	lanes      int // of a block
	next       atomic.Int64
	failed     atomic.Bool    // ctx is done
	left       atomic.Int64   // hands at work
	wait       sync.WaitGroup // for them
}

// work takes blocks until there are none.
func (j *job) work() {
	w, ok := j.bound.workers.Get().(*worker)
	if !ok {
		w = &worker{change: j.bound.belief.change.stepper(), tape: num.NewTape(j.bound.outcome, most)}
		if p := j.bound.belief.prior; p != nil {
			w.prior = num.NewTape(p, most)
		}
	}
	w.prepare(j)
	for !j.failed.Load() {
		lo := (int(j.next.Add(1)) - 1) * j.lanes
		if lo >= j.n {
			break
		}
		if !w.block(lo, min(lo+j.lanes, j.n)) {
			j.failed.Store(true)
		}
	}
	w.job = nil
	j.bound.workers.Put(w)
}
