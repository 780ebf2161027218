package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// ErrTime is the error of measurements that were not all over Within the time they had.
var ErrTime = errors.New("bench: the time is up")

// bench is a call of Measure.
type bench struct {
	Settings
	src     rng.Stream
	note    func([]Row) error
	rows    []Row
	engines []safex.Engine
	systems map[recipe]*safex.System // by what they depend on alone
	data    map[recipe]*safex.Data
	models  map[recipe]safex.Model
}

// Measure measures everything, and calls note, if it is not nil, after each row with all rows so far; its error ends the
// measuring. The first row is the peak, which is measured before, in between and after, and the largest counts: shares
// change until the end. A cancelled ctx returns the rows so far and its error; so do ErrTime and all others.
func (s Settings) Measure(ctx context.Context, note func(rows []Row) error) (rows []Row, err error) {
	if err = s.Check(); err != nil {
		return nil, err
	}
	b, err := newBench(s, note)
	if err != nil {
		return nil, err
	}
	if err := b.peak(ctx); err != nil {
		return b.rows, err
	}
	err = s.within(ctx, stage{b.rolls, 0.55}, stage{b.fits, 0.65}, stage{b.plans, 0.85}, stage{b.series, 1}, stage{b.starts, 1}, stage{b.memory, 1}, stage{b.peak, 1})
	return b.rows, err
}

// A stage is a part of the measuring, which is over when a share of Within has passed.
type stage struct {
	measure func(context.Context) error
	until   float64
}

// within runs stages one after the other. It returns the first error, and ErrTime at the end if one of them was not over in time.
func (s Settings) within(ctx context.Context, stages ...stage) (late error) {
	began := time.Now()
	for _, v := range stages {
		ctx, cancel := ctx, context.CancelFunc(func() {})
		if s.Within > 0 {
			ctx, cancel = context.WithDeadlineCause(ctx, began.Add(time.Duration(v.until*float64(s.Within))), ErrTime)
		}
		err := v.measure(ctx)
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		cancel()
		if err == ErrTime {
			late = err
		} else if err != nil {
			return err
		}
	}
	return late
}

// newBench makes the engines.
func newBench(s Settings, note func([]Row) error) (*bench, error) {
	b := &bench{
		Settings: s, src: rng.New(s.Seed), note: note,
		systems: map[recipe]*safex.System{}, data: map[recipe]*safex.Data{}, models: map[recipe]safex.Model{},
	}
	for _, name := range s.Engines {
		e, err := experiment.Engines.New(name)
		if err != nil {
			return nil, err
		}
		b.engines = append(b.engines, e)
	}
	return b, nil
}

// add notes a row.
func (b *bench) add(r Row) error {
	b.rows = append(b.rows, r)
	b.share()
	if b.note == nil {
		return nil
	}
	return b.note(b.rows)
}

// share is the part of the peak that each row reaches.
func (b *bench) share() {
	for i := range b.rows[1:] {
		r := &b.rows[1+i]
		r.PeakShare = r.GFLOPs / b.rows[0].GFLOPs
	}
}

// peak measures the peak: the first time for a row of its own, and later whether it is higher.
func (b *bench) peak(ctx context.Context) error {
	most, n := 0.0, 0
	for began := time.Now(); n < b.Turns || time.Since(began) < b.Slice; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		most = max(most, peak())
	}
	if len(b.rows) == 0 {
		return b.add(Row{What: peaks, GFLOPs: most, Repetitions: n, Machine: Machine(), CPU: CPU(), Load: load()})
	}
	b.rows[0].GFLOPs = max(most, b.rows[0].GFLOPs)
	b.rows[0].Repetitions += n
	b.share()
	return nil
}

// peak is how many GFLOP/s all cores do in multiplications with addition that do not wait for each other, in the form of
// package vec that is in use.
func peak() float64 {
	const rounds = 1_000_000
	var wait sync.WaitGroup
	began := time.Now()
	cores := runtime.GOMAXPROCS(0)
	for range cores - 1 {
		wait.Go(func() { vec.FMAs(rounds) })
	}
	flops := vec.FMAs(rounds)
	wait.Wait()
	return float64(cores*flops) / time.Since(began).Seconds() / 1e9
}

// Machine is a line about what is measured on: the build, the form of the vector code, and the number of cores in use.
func Machine() string {
	return fmt.Sprintf("safex %s, %s, GOMAXPROCS %d", experiment.Build(), vec.Current(), runtime.GOMAXPROCS(0))
}
