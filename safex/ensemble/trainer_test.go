package ensemble

import (
	"context"
	"reflect"
	"runtime"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// after is what e reaches from seed 1 by so many gradient steps in each call of take, and how many those were.
func after(t *testing.T, ctx context.Context, e Ensemble, calls ...int) (reached state, taken int) {
	t.Helper()
	s, data := modeltest.Pendulum(t, 300)
	tr, back, err := borrow(e.recipe(e.shape(3, 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer back()
	if err := tr.set(fresh(tr.shape, rng.New(1))); err != nil {
		t.Fatal(err)
	}
	set := e.prepare(s, data)
	draws, err := tr.draws(e, set, rng.New(2), rng.New(3))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range calls {
		k, err := tr.take(ctx, n, draws, set.levels, e.LearningRate, e.Average)
		if err != nil {
			t.Fatal(err)
		}
		taken += k
	}
	if reached, err = tr.get(); err != nil {
		t.Fatal(err)
	}
	if reached.steps != taken {
		t.Errorf("%d steps were taken, and %d counted", taken, reached.steps)
	}
	return reached, taken
}

// Steps are the same, to the bit, in however many calls they are taken, also when something ends them before.
func TestStepsInAnyCalls(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	for name, e := range kinds() {
		want, _ := after(t, context.Background(), e, 70)
		if got, taken := after(t, context.Background(), e, 1, 33, 36); taken != 70 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: 1, 33 and 36 steps are not 70", name)
		}
		cut, taken := after(t, ended, e, 70)
		if taken < 1 || taken >= 70 {
			t.Errorf("%s: %d steps after the end", name, taken)
		}
		if want, _ := after(t, context.Background(), e, taken); !reflect.DeepEqual(cut, want) {
			t.Errorf("%s: %d steps that were cut short are not %d steps", name, taken, taken)
		}
	}
}

// On how many cores members are trained changes no bit of what is learned nor of what is thought of it.
func TestCoresChangeNothing(t *testing.T) {
	s, data := modeltest.Pendulum(t, 300)
	for name, e := range kinds() {
		e.Members, e.Hidden, e.MinSteps, e.MaxSteps = 5, []int{16, 130}, 30, 30
		var want state
		var nll float64
		for _, cores := range []int{1, 2, 8} {
			before := runtime.GOMAXPROCS(cores)
			tr, back, err := borrow(e.recipe(e.shape(3, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if n := len(tr.trainers); n != 2 && !e.SVGD.On || n != 1 && e.SVGD.On {
				t.Errorf("%s: %d trainers", name, n)
			}
			if err := tr.set(fresh(tr.shape, rng.New(1))); err != nil {
				t.Fatal(err)
			}
			best, least, _, err := e.fit(context.Background(), tr, e.prepare(s, data), 1, rng.New(2))
			if err != nil {
				t.Fatal(err)
			}
			back()
			if runtime.GOMAXPROCS(before); cores == 1 {
				want, nll = best, least
			} else if !reflect.DeepEqual(best, want) || least != nll {
				t.Errorf("%s: on %d cores the fit ends at %v, and on one at %v, or with other weights", name, cores, least, nll)
			}
		}
	}
}
