package tasks_test

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// Any disturbance goes with any task, on each of its variables and angles: it moves the episode, the same for the
// same seed, and angles stay angles.
func TestAnyDisturbance(t *testing.T) {
	for _, name := range tasks.Names() {
		m, _ := tasks.New(name)
		task := m.Task()
		task.Steps = 30
		scale := map[string]float64{}
		part := map[int]bool{} // of an angle
		var targets []string
		for _, a := range task.Angles {
			part[a.Sin], part[a.Cos] = true, true
			targets, scale[a.Name] = append(targets, a.Name), 0.3
		}
		for d, v := range task.State {
			if !part[d] {
				targets, scale[v.Name] = append(targets, v.Name), v.Scale
			}
		}
		for _, v := range task.Action {
			targets, scale[v.Name] = append(targets, v.Name), v.Scale
		}
		var ds []safex.Disturbance
		for _, on := range targets {
			for _, k := range safex.Kinds() {
				d := safex.Disturbance{Kind: k, On: on, Size: 0.1 * scale[on], From: 0.2}
				switch k {
				case safex.Periodic:
					d.Period = 0.7
				case safex.Delay:
					continue
				case safex.ObservationNoise:
					if on == task.Action[0].Name || on == task.Action[len(task.Action)-1].Name {
						continue
					}
				}
				ds = append(ds, d)
			}
		}
		ds = append(ds, safex.Disturbance{Kind: safex.Delay, Size: 3})
		ride := func(t *testing.T, ds ...safex.Disturbance) (*safex.System, safex.Episode) {
			disturbed := task
			disturbed.Disturbances = ds
			s, err := disturbed.System()
			if err != nil {
				t.Fatal(err)
			}
			e, err := s.Simulate(s.RandomPolicy(false, rng.New(3)), rng.New(4))
			if err != nil {
				t.Fatal(err)
			}
			return s, e
		}
		_, calm := ride(t)
		for _, d := range ds {
			t.Run(fmt.Sprintf("%s/%v", name, d), func(t *testing.T) {
				s, e := ride(t, d)
				if _, again := ride(t, d); !reflect.DeepEqual(e, again) {
					t.Error("the same seed gives another episode")
				}
				if reflect.DeepEqual(e.States, calm.States) {
					t.Error("nothing is disturbed")
				}
				if d.Kind == safex.ObservationNoise && !reflect.DeepEqual(e.Real, calm.States) {
					t.Error("what is seen moves what is real")
				}
				for _, a := range s.Angles {
					for i, x := range e.States {
						if r := math.Hypot(x[a.Sin], x[a.Cos]); math.Abs(r-1) > 1e-9 {
							t.Fatalf("step %d: the angle %s left its circle: %v", i, a.Name, x)
						}
					}
				}
			})
		}
	}
}
