package train_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// told is a Learner whose every fit but the first waits until it is told to go on, and how. Its Model knows how much data it saw.
type told struct {
	notes
	begin   chan int   // transitions of a fit that begins
	goOn    chan error // what a fit that waits comes to
	running *atomic.Int32
	planned *[]int // of each plan: transitions that its model knows
}

func (l told) Learn(ctx context.Context, s *safex.System, d *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	if prev == nil {
		return l.notes.Learn(ctx, s, d, prev, src)
	}
	if l.running.Add(1) > 1 {
		panic("two fits at once")
	}
	defer l.running.Add(-1)
	n, last := d.Len(), slices.Clone(d.Next[0])
	l.begin <- n
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-l.goOn:
		if err != nil {
			return nil, err
		}
	}
	if d.Len() != n || !slices.Equal(d.Next[0], last) {
		panic("the data of a fit changed while it was made")
	}
	return l.notes.Learn(ctx, s, d, prev, src)
}

func (l told) Plan(ctx context.Context, q safex.Query, src rng.Stream) (*safex.Plan, error) {
	*l.planned = append(*l.planned, q.Rollout.(*seen).n)
	return l.notes.Plan(ctx, q, src)
}

// behind is an agent of the cart that learns in the background, every 7 steps, with a Learner that waits.
func behind(t *testing.T) (train.Agent, told) {
	a, _ := agent(t, cart())
	l := told{a.Learner.(notes), make(chan int, 100), make(chan error, 100), new(atomic.Int32), new([]int)}
	a.Learner, a.Planner, a.Background = l, l, true
	return a, l
}

// next is the number of transitions of the fit that begins next.
func (l told) next(t *testing.T, want int) {
	t.Helper()
	if n := <-l.begin; n != want {
		t.Fatalf("a fit to %d transitions began, want %d", n, want)
	}
}

// While a fit is made the steps go on with the model before it, and its own plans from the next step on after it is ready. A fit that becomes due
// meanwhile begins then; an episode begins with the fit under way taken in, and a run ends so. No transition is lost.
func TestBackground(t *testing.T) {
	a, l := behind(t)
	s := &train.State{}
	var fits [][]safex.Fit
	for s, err := range a.Steps(context.Background(), s, 2) {
		if err != nil {
			t.Fatal(err)
		}
		n := s.Data.Len()
		switch n {
		case 18: // seven steps are planned by the first model, and a fit to them begins before the eighth
			l.next(t, 17)
		case 26:
			l.goOn <- nil
			s.AwaitFit()
		case 27: // the next was due long ago
			l.next(t, 26)
		case 30: // the end of an episode
			if s.Learning != 26 || s.Fits != 2 {
				t.Errorf("after %d fits one learns from %d transitions", s.Fits, s.Learning)
			}
			l.goOn <- nil // the next step waits for it
		case 31:
			l.next(t, 30)
		case 49:
			l.goOn <- nil
			s.AwaitFit()
			go func() { // the fit that begins before the last step ends after it
				if n := <-l.begin; n != 49 {
					t.Errorf("the last fit is to %d transitions", n)
				}
				l.goOn <- nil
			}()
		}
		if s.Over {
			fits = append(fits, s.Episode.Fits)
		}
	}
	want := slices.Concat(slices.Repeat([]int{10}, 16), slices.Repeat([]int{17}, 4), slices.Repeat([]int{26}, 19), []int{30})
	if !slices.Equal(*l.planned, want) {
		t.Errorf("plans by models of %v transitions, want %v", *l.planned, want)
	}
	var at [][]int
	for _, e := range fits {
		var steps []int
		for _, f := range e {
			steps = append(steps, f.Step)
		}
		at = append(at, steps)
	}
	if want := [][]int{nil, {0, 16}, {0, 19}}; !reflect.DeepEqual(at, want) {
		t.Errorf("fits before the steps %v, want %v", at, want)
	}
	if s.Data.Len() != 50 || s.Fits != 5 || s.Fitted != 49 || s.Learning != 0 || s.Model.(*seen).n != 49 || !s.Settled() {
		t.Errorf("the run ends with %d transitions and %d fits, the last to %d", s.Data.Len(), s.Fits, s.Fitted)
	}
}

// Whatever ends the steps ends the fit. It begins again, with all that is known by then, when they go on.
func TestBackgroundIsCut(t *testing.T) {
	for name, stop := range map[string]func(cancel func()) bool{
		"cancelled": func(cancel func()) bool { cancel(); return false },
		"left":      func(func()) bool { return true },
	} {
		a, l := behind(t)
		s := &train.State{}
		ctx, cancel := context.WithCancel(context.Background())
		for s, err := range a.Steps(ctx, s, 2) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s: error %v", name, err)
				}
				break
			}
			if s.Data.Len() == 20 {
				l.next(t, 17)
				if stop(cancel) {
					break
				}
			}
		}
		cancel()
		if !s.Settled() || l.running.Load() != 0 || s.Data.Len() != 20 || s.Fits != 1 || s.Learning != 17 {
			t.Fatalf("%s: %d fits are made, after %d, %d transitions and a fit to %d", name, l.running.Load(), s.Fits, s.Data.Len(), s.Learning)
		}
		for range 20 {
			l.goOn <- nil
		}
		for _, err := range a.Steps(context.Background(), s, 2) {
			if err != nil {
				t.Fatal(err)
			}
			if s.Data.Len() == 21 {
				l.next(t, 20)
			}
		}
		if s.Data.Len() != 50 || !s.Settled() {
			t.Errorf("%s: the run goes on to %d transitions", name, s.Data.Len())
		}
	}
}

// ending is told, and cancels in its last plan of an episode of the cart.
type ending struct {
	told
	cancel context.CancelFunc
}

func (e ending) Plan(ctx context.Context, q safex.Query, src rng.Stream) (*safex.Plan, error) {
	if len(q.Past.Actions) == 19 {
		e.cancel()
	}
	return e.told.Plan(ctx, q, src)
}

// At the end of a run a cancelled ctx gives up the fit, which no step needs.
func TestBackgroundAtTheEnd(t *testing.T) {
	a, l := behind(t)
	ctx, cancel := context.WithCancel(context.Background())
	a.Planner = ending{l, cancel}
	s := &train.State{}
	for _, err := range a.Steps(ctx, s, 1) {
		if err != nil {
			t.Fatal(err)
		}
	}
	l.next(t, 17)
	if !s.Over || s.Data.Len() != 30 || !s.Settled() || s.Learning != 0 || s.Fits != 1 || l.running.Load() != 0 {
		t.Errorf("after the end %d transitions, %d fits and one to %d", s.Data.Len(), s.Fits, s.Learning)
	}
}

// A fit that fails says so in a sentence before the next step, which is not taken; the State is sound.
func TestBackgroundFails(t *testing.T) {
	a, l := behind(t)
	s, broken := &train.State{}, errors.New("broken")
	var failed error
	for s, err := range a.Steps(context.Background(), s, 1) {
		if err != nil {
			failed = err
			break
		}
		if s.Data.Len() == 20 {
			l.next(t, 17)
			l.goOn <- broken
			s.AwaitFit()
		}
	}
	if want := "train: episode 1, step 10: fit to 17 transitions in the background: broken"; failed == nil || failed.Error() != want || !errors.Is(failed, broken) {
		t.Fatalf("error %v, want %s", failed, want)
	}
	if s.Data.Len() != 20 || s.Fits != 1 || s.Learning != 17 {
		t.Errorf("%d transitions and %d fits after a fit that failed", s.Data.Len(), s.Fits)
	}
	for range 5 {
		l.goOn <- nil
	}
	l.goOn <- broken // of the last fit
	for _, err := range a.Steps(context.Background(), s, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Data.Len() == 21 {
			l.next(t, 20)
		}
	}
	if s.Data.Len() != 30 {
		t.Errorf("%d transitions", s.Data.Len())
	}
}

// growing is told, and takes in every step.
type growing struct{ told }

func (g growing) Update(_ context.Context, _ *safex.System, d *safex.Data, m safex.Model) (safex.Model, error) {
	return &seen{notes: g.notes, n: d.Len(), prev: m.(*seen)}, nil
}

// The model before takes in what happens while a fit is made, and that of the fit what has happened since, before it plans.
func TestBackgroundTakesInEveryStep(t *testing.T) {
	a, l := behind(t)
	a.Learner = growing{l}
	s := &train.State{}
	for s, err := range a.Steps(context.Background(), s, 1) {
		if err != nil {
			t.Fatal(err)
		}
		n, m := s.Data.Len(), s.Model
		if n == 22 {
			l.next(t, 17)
			l.goOn <- nil
			s.AwaitFit()
		}
		if n > 10 && n < 30 {
			if known := m.(*seen).n; known != n-1 || s.Updated != n-1 {
				t.Fatalf("after %d transitions the model knows %d", n, known)
			}
		}
		if n == 23 && (m.(*seen).prev.n != 17 || s.Fitted != 17 || s.Fits != 2) {
			t.Errorf("an update of a model of %d transitions, and a fit to %d", m.(*seen).prev.n, s.Fitted)
		}
		if n == 29 { // that of the fit to 24 has begun
			l.goOn <- nil
			s.AwaitFit()
		}
	}
}

// fence is a Filter that takes its time to be made ready, and keeps every plan.
type fence struct {
	ready *[]float64 // deviations that it was made ready for
	kept  *[]int     // transitions of the model that each plan was judged by
}

type picket struct {
	fence
	n int
}

func (f fence) Guard(_ *safex.System, m safex.Model) (safex.Guard, error) {
	return picket{f, m.(*seen).n}, nil
}

func (p picket) Keep(_ context.Context, _ safex.Query, q *safex.Plan) (*safex.Plan, error) {
	*p.kept = append(*p.kept, p.n)
	return q, nil
}

func (p picket) Prepare(_ context.Context, asked, planned float64) error {
	*p.ready = append(*p.ready, asked, planned)
	return nil
}

// bold plans for a box of three deviations.
type bold struct{ told }

func (b bold) Plan(ctx context.Context, q safex.Query, src rng.Stream) (*safex.Plan, error) {
	p, err := b.told.Plan(ctx, q, src)
	p.Beta = 3
	return p, err
}

// A Filter is made ready, for a box as wide as that of the last plan, before its model plans.
func TestBackgroundPrepares(t *testing.T) {
	a, l := behind(t)
	f := fence{new([]float64), new([]int)}
	a.Filter, a.Planner = f, bold{l}
	for s, err := range a.Steps(context.Background(), &train.State{}, 1) {
		if err != nil {
			t.Fatal(err)
		}
		switch s.Data.Len() {
		case 20:
			l.goOn <- nil
			s.AwaitFit()
			if !slices.Equal(*f.ready, []float64{0, 3}) {
				t.Fatalf("made ready for %v deviations", *f.ready)
			}
		case 29:
			l.goOn <- nil
			s.AwaitFit()
		}
		if s.Fits > 0 && s.Over && s.Base.(*seen).n != s.Fitted {
			t.Errorf("a filter judges by a model of %d transitions, and the fit is to %d", s.Base.(*seen).n, s.Fitted)
		}
		if s.Data.Len() == 29 {
			l.goOn <- nil // of the last
		}
	}
	if want := append(slices.Repeat([]int{10}, 10), slices.Repeat([]int{17}, 9)...); !slices.Equal((*f.kept)[:19], want) {
		t.Errorf("plans judged by models of %v transitions, want %v", *f.kept, want)
	}
}
