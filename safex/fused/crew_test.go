package fused

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// Blocks hold every candidate, are no larger than the most, and as many for each worker as for the others if there are enough.
func TestShare(t *testing.T) {
	for workers := 1; workers <= 9; workers++ {
		for n := 1; n <= 3000; n++ {
			lanes, blocks := share(n, workers)
			if lanes < 1 || lanes > most || lanes%vec.Lanes != 0 || blocks*lanes < n || (blocks-1)*lanes >= n {
				t.Fatalf("%d candidates for %d workers: %d blocks of %d", n, workers, blocks, lanes)
			}
			if slowest := (blocks + workers - 1) / workers * lanes; slowest > n/workers+2*most {
				t.Fatalf("%d candidates for %d workers: one takes %d of them", n, workers, slowest)
			}
		}
	}
}

// Rolls that many goroutines ask for at a time are lent no more hands than there are cores, and the hands go when there is
// nothing to do.
func TestCrew(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	const callers = 5
	e := New()
	var wait sync.WaitGroup
	for range callers {
		r, err := e.Rollout(s, oracle{form: &safex.Form{Prior: s.Dynamics}})
		if err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			var out safex.Rolled
			c := safex.Candidates{State: []float64{1, 0, 0}, Actions: num.NewBatch(20, 300)}
			for range 50 {
				if err := r.Roll(context.Background(), &out, c, nil); err != nil {
					t.Error(err)
				}
				cores.mu.Lock()
				busy, idle := cores.busy, len(cores.idle)
				cores.mu.Unlock()
				if busy > callers+2 || idle > 2 {
					t.Errorf("%d at work and %d looking out, on 3 cores, with %d callers", busy, idle, callers)
				}
			}
		})
	}
	wait.Wait()
	for began := time.Now(); ; runtime.Gosched() {
		cores.mu.Lock()
		busy, idle := cores.busy, len(cores.idle)
		cores.mu.Unlock()
		if busy == 0 && idle == 0 {
			return
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("%d at work and %d looking out, and nothing to do", busy, idle)
		}
	}
}

// oracle is a model by its form alone.
type oracle struct {
	safex.Model
	form *safex.Form
}

func (t oracle) Form() *safex.Form { return t.form }
