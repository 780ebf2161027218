// Package offline learns from logs alone, of a system that is not there: how well a model predicts what it has not seen, how often its box holds that,
// and what would be planned with it.
//
//	spec, err := experiment.Named("pendulum", "log=swings.csv", "explore=0", "episodes=0")
//	report, err := offline.Default().Validate(ctx, spec)
//	fit, err := offline.Learn(ctx, spec)
//	plan, err := fit.Plan(ctx, state)
package offline

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/logs"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Settings say how a model is tried.
type Settings struct {
	// Folds is how many models are learned, at least 2, each from all but a part of the log, which it then predicts. A part is whole episodes; a log of fewer
	// episodes has as many folds as these, and one of a single episode is cut into blocks of rows that follow each other. Neighbours are never told apart
	// by chance: a row that is between two which were learned from says little of what a model knows.
	Folds   int
	Horizon int // steps of the longest prediction, at least 1
	// Progress, if it is not nil, is called after each fold with how many are done, of how many.
	Progress func(done, of int) `json:"-"`
}

// Default is five folds, and predictions of twenty steps.
func Default() Settings { return Settings{Folds: 5, Horizon: 20} }

// Check reports the first setting that is out of range.
func (c Settings) Check() error {
	switch {
	case c.Folds < 2 || c.Folds > 1000:
		return fmt.Errorf("offline: folds %d: want 2 to 1000", c.Folds)
	case c.Horizon < 1 || c.Horizon > 10000:
		return fmt.Errorf("offline: horizon %d: want 1 to 10000 steps", c.Horizon)
	}
	return nil
}

// A Report is what models predicted of rows that they had not seen.
type Report struct {
	Task        string            `json:"task"`
	Model       string            `json:"model"`
	Calibration string            `json:"calibration"`
	Logs        []string          `json:"logs"` // files
	Transitions int               `json:"transitions"`
	Episodes    int               `json:"episodes"`
	Folds       int               `json:"folds"`
	Blocks      bool              `json:"blocks"`  // folds are blocks of rows, as there is one episode
	Betas       []float64         `json:"betas"`   // of each fold: how many epistemic deviations the box reaches
	Assumed     bool              `json:"assumed"` // β is reliability.AssumedBeta, as the model has none
	InBox       reliability.Share `json:"-"`       // transitions whose box held all dimensions
	Box         Box               `json:"box"`     // the same
	NaNs        int               `json:"nans"`    // transitions of which a prediction is not a number: they count as outside their box, and spoil the errors
	Dimensions  []Dimension       `json:"dimensions"`

	sample []seen
}

// A Box is a share of transitions, with its 95 % interval by Clopper and Pearson: too narrow for steps that depend on each other.
type Box struct {
	In int     `json:"in"`
	Of int     `json:"of"`
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// A Dimension is one of the state. Persistence is the error of saying that nothing changes.
type Dimension struct {
	Name        string  `json:"name"`
	Unit        string  `json:"unit"`
	NLL         float64 `json:"nll"`  // mean of -ln p of the next value, in Unit, for a normal distribution of both deviations
	RMSE        float64 `json:"rmse"` // root of the mean squared error of the next value, in Unit
	Persistence float64 `json:"persistence"`
	Box         Box     `json:"box"`
	Ahead       []Ahead `json:"ahead"` // of 1, 2 and so on up to Horizon steps; less where no trajectory is as long
}

// Ahead is the error of the mean of a model, taken so many steps ahead under the recorded actions, without looking at what was measured in between.
type Ahead struct {
	Steps       int     `json:"steps"`
	RMSE        float64 `json:"rmse"`
	Persistence float64 `json:"persistence"`
	Of          int     `json:"of"` // predictions
}

// seen is a transition that was predicted, for a figure: the changes of all dimensions, and half the height of the box.
type seen struct{ measured, predicted, half []float64 }

// starts and drawn are how many predictions ahead are made in each fold, and how many transitions of it are in a figure at most, evenly spread.
const (
	starts = 400
	drawn  = 120
)

// Validate learns from each part of the logs of a Spec what the other parts are held against. A cancelled ctx ends it with ctx's error.
func (c Settings) Validate(ctx context.Context, spec *experiment.Spec) (*Report, error) {
	system, log, learner, err := prepare(spec)
	if err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	parts, blocks := c.parts(log)
	if len(parts) < 2 {
		return nil, fmt.Errorf("offline: %d transitions are too few for %d folds: record more, or ask for fewer", log.Data.Len(), c.Folds)
	}
	r := &Report{
		Task: system.Name, Model: spec.ModelName(), Calibration: spec.CalibrationName(), Transitions: log.Data.Len(), Episodes: log.Episodes(), Folds: len(parts), Blocks: blocks,
	}
	for _, l := range spec.Logs {
		r.Logs = append(r.Logs, l.File)
	}
	s := newSums(system, c.Horizon)
	for k, part := range parts {
		held, learned := pick(log.Data, part, true), pick(log.Data, part, false)
		m, err := learner.Learn(ctx, system, learned, nil, rng.New(spec.Seed).Child("fold").At(k))
		if err != nil {
			return nil, fmt.Errorf("offline: fold %d of %d: %w", k+1, len(parts), err)
		}
		β := safex.BetaOf(m)
		if β == 0 {
			β, r.Assumed = reliability.AssumedBeta, true
		}
		r.Betas = append(r.Betas, β)
		if err := s.hold(r, m, held, β); err != nil {
			return nil, fmt.Errorf("offline: fold %d of %d: %w", k+1, len(parts), err)
		}
		if err := s.ahead(ctx, m, held); err != nil {
			return nil, fmt.Errorf("offline: fold %d of %d: %w", k+1, len(parts), err)
		}
		if c.Progress != nil {
			c.Progress(k+1, len(parts))
		}
	}
	s.report(r)
	return r, nil
}

// prepare compiles a Spec and reads its logs.
func prepare(spec *experiment.Spec) (*safex.System, *logs.Log, safex.Codec, error) {
	if len(spec.Logs) == 0 {
		return nil, nil, nil, fmt.Errorf("offline: there is no log: name one, as by log=FILE")
	}
	system, err := spec.Compile()
	if err != nil {
		return nil, nil, nil, err
	}
	log, err := spec.ReadLogs(system)
	if err != nil {
		return nil, nil, nil, err
	}
	learner, err := spec.Compose()
	return system, log, learner, err
}

// parts says of each fold which transitions are held out. Episodes go, the longest first, to the fold that has the fewest transitions.
func (c Settings) parts(l *logs.Log) (held [][]bool, blocks bool) {
	n, episodes := l.Data.Len(), l.Episodes()
	if episodes < 2 {
		if n < 2*c.Folds {
			return nil, true
		}
		for k := range c.Folds {
			part := make([]bool, n)
			for i := k * n / c.Folds; i < (k+1)*n/c.Folds; i++ {
				part[i] = true
			}
			held = append(held, part)
		}
		return held, true
	}
	long := make([]int, episodes)
	for _, e := range l.Episode {
		long[e]++
	}
	order := make([]int, episodes)
	for e := range order {
		order[e] = e
	}
	slices.SortStableFunc(order, func(a, b int) int { return long[b] - long[a] })
	folds := min(c.Folds, episodes)
	has, of := make([]int, folds), make([]int, episodes)
	for _, e := range order {
		k := 0
		for j := range has {
			if has[j] < has[k] {
				k = j
			}
		}
		of[e], has[k] = k, has[k]+long[e]
	}
	for k := range folds {
		part := make([]bool, n)
		for i, e := range l.Episode {
			part[i] = of[e] == k
		}
		held = append(held, part)
	}
	return held, false
}

// pick are the transitions that are in a part, or those that are not. A trajectory ends where one is left out.
func pick(d *safex.Data, part []bool, in bool) *safex.Data {
	p := &safex.Data{}
	for _, e := range d.Episodes() {
		p.Begin()
		for i := e[0]; i < e[1]; i++ {
			if part[i] != in {
				p.Begin()
				continue
			}
			p.Append(d.X.Point(i), d.U.Point(i), d.Next.Point(i))
		}
	}
	return p
}

// sums add up what a Report is made of.
type sums struct {
	system      *safex.System
	n           int
	nll, se, pe []float64 // of each dimension
	in          []int
	aheadSE     [][]float64 // of each dimension and number of steps
	aheadPE     [][]float64
	aheadN      []int
}

func newSums(s *safex.System, horizon int) *sums {
	nx := len(s.State)
	t := &sums{system: s, nll: make([]float64, nx), se: make([]float64, nx), pe: make([]float64, nx), in: make([]int, nx), aheadN: make([]int, horizon)}
	for range nx {
		t.aheadSE, t.aheadPE = append(t.aheadSE, make([]float64, horizon)), append(t.aheadPE, make([]float64, horizon))
	}
	return t
}

// hold holds the next states of transitions against what m says of them.
func (t *sums) hold(r *Report, m safex.Model, d *safex.Data, β float64) error {
	var p safex.Prediction
	if err := m.Predict(&p, d.X, d.U); err != nil {
		return err
	}
	every := max(1, d.Len()/drawn)
	for i := range d.Len() {
		inside, number := true, true
		var s seen
		for k := range p.Mean {
			off, still := d.Next[k][i]-p.Mean[k][i], d.Next[k][i]-d.X[k][i]
			half := β * p.Epistemic[k][i]
			deviation := math.Hypot(p.Epistemic[k][i], p.Aleatoric[k][i])
			t.nll[k] += surprise(off, deviation)
			t.se[k], t.pe[k] = t.se[k]+off*off, t.pe[k]+still*still
			if math.Abs(off) <= half {
				t.in[k]++
			} else { // NaN too
				inside = false
			}
			number = number && off-off == 0 && deviation-deviation == 0
			s.measured, s.predicted, s.half = append(s.measured, still), append(s.predicted, p.Mean[k][i]-d.X[k][i]), append(s.half, half)
		}
		if !number {
			r.NaNs++
		}
		t.n++
		r.InBox.N++
		if inside {
			r.InBox.K++
		}
		if i%every == 0 {
			r.sample = append(r.sample, s)
		}
	}
	return nil
}

// surprise is -ln p of an error, for a normal distribution of a deviation. Where that is 0 an error is as surprising as can be.
func surprise(off, deviation float64) float64 {
	if deviation == 0 && off != 0 {
		return math.Inf(1)
	}
	return math.Log(deviation) + off*off/(2*deviation*deviation) + math.Log(2*math.Pi)/2
}

// ahead takes the mean of m from many transitions on, for as long as their trajectory goes on.
func (t *sums) ahead(ctx context.Context, m safex.Model, d *safex.Data) error {
	var from, left []int
	for _, e := range d.Episodes() {
		for i := e[0]; i < e[1]; i++ {
			from, left = append(from, i), append(left, e[1]-i)
		}
	}
	if n := len(from); n > starts {
		for k := range starts {
			from[k], left[k] = from[k*n/starts], left[k*n/starts]
		}
		from, left = from[:starts], left[:starts]
	}
	x := num.NewBatch(len(d.X), len(from))
	for k, i := range from {
		x.SetPoint(k, d.X.Point(i))
	}
	var p safex.Prediction
	for h := range t.aheadN {
		if err := ctx.Err(); err != nil {
			return err
		}
		on := []int{}
		for k := range from {
			if left[k] > h {
				on = append(on, k)
			}
		}
		if len(on) == 0 {
			return nil
		}
		now, u := num.NewBatch(len(d.X), len(on)), num.NewBatch(len(d.U), len(on))
		for j, k := range on {
			now.SetPoint(j, x.Point(k))
			u.SetPoint(j, d.U.Point(from[k]+h))
		}
		if err := m.Predict(&p, now, u); err != nil {
			return err
		}
		for j, k := range on {
			for dim := range p.Mean {
				is, was := d.Next[dim][from[k]+h], d.X[dim][from[k]]
				said := p.Mean[dim][j]
				x[dim][k] = said
				t.aheadSE[dim][h] += (is - said) * (is - said)
				t.aheadPE[dim][h] += (is - was) * (is - was)
			}
			t.aheadN[h]++
		}
	}
	return nil
}

// report puts the sums into r.
func (t *sums) report(r *Report) {
	r.Box = boxOf(r.InBox)
	for k, v := range t.system.State {
		n := float64(t.n)
		d := Dimension{
			Name: v.Name, Unit: v.Unit, NLL: t.nll[k] / n, RMSE: math.Sqrt(t.se[k] / n), Persistence: math.Sqrt(t.pe[k] / n), Box: boxOf(reliability.Share{K: t.in[k], N: t.n}),
		}
		for h, n := range t.aheadN {
			if n > 0 {
				d.Ahead = append(d.Ahead, Ahead{h + 1, math.Sqrt(t.aheadSE[k][h] / float64(n)), math.Sqrt(t.aheadPE[k][h] / float64(n)), n})
			}
		}
		r.Dimensions = append(r.Dimensions, d)
	}
}

// boxOf is a share with its interval.
func boxOf(s reliability.Share) Box {
	lo, hi := s.Interval()
	return Box{s.K, s.N, lo, hi}
}
