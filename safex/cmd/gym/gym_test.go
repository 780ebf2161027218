package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/plant"
	"github.com/rischiboy/safe_exploration/safex/planttest"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// script is a plant by the script of that name; the test is skipped where Python lacks a module. SAFEX_PYTHON names another interpreter than python3.
func script(t *testing.T, name string, modules ...string) plant.Process {
	t.Helper()
	python := os.Getenv("SAFEX_PYTHON")
	if python == "" {
		python = "python3"
	}
	for _, module := range modules {
		if out, err := exec.Command(python, "-c", "import "+module).CombinedOutput(); err != nil {
			t.Skipf("%s has no %s (%s): install it by: pip install 'gymnasium[mujoco]'", python, module, last(out))
		}
	}
	return plant.DefaultProcess(fmt.Sprintf("%s %s.py", python, name))
}

// last is the last line of what was said.
func last(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// pendulum is the task of that name with Gymnasium's as its real system.
func pendulum(t *testing.T) safex.Task {
	task := tasks.DefaultPendulum().Task()
	task.Next, task.Plant = nil, script(t, "pendulum", "gymnasium")
	return task
}

// The plants of all tasks keep the laws, and start where the tasks say.
func TestLaws(t *testing.T) {
	for name, task := range map[string]func(t *testing.T) safex.Task{
		"pendulum": pendulum,
		"swingup": func(t *testing.T) safex.Task {
			s := DefaultSwingup()
			s.Plant = script(t, "swingup", "mujoco")
			return s.Task()
		},
		"reacher": func(t *testing.T) safex.Task {
			r := DefaultReacher()
			r.Plant = script(t, "reacher", "gymnasium", "gymnasium.envs.mujoco")
			return r.Task()
		},
		"inverted_pendulum": func(t *testing.T) safex.Task {
			p := DefaultInvertedPendulum()
			p.Plant = script(t, "inverted_pendulum", "gymnasium", "gymnasium.envs.mujoco")
			return p.Task()
		},
	} {
		t.Run(name, func(t *testing.T) {
			planttest.Laws(t, task(t))
			s, err := task(t).System()
			if err != nil {
				t.Fatal(err)
			}
			p, err := s.Plant.Open(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			for seed := range uint32(20) {
				x, err := p.Reset(t.Context(), seed)
				if err != nil {
					t.Fatal(err)
				}
				for d, v := range x {
					if math.Abs(v-s.Center[d]) > 0.2*s.State[d].Scale && !angle(s, d) {
						t.Errorf("seed %d starts with %s at %v, and the task around %v", seed, s.State[d].Name, v, s.Center[d])
					}
				}
			}
		})
	}
}

// angle tells whether a dimension is the sine or the cosine of an angle, whose Center is 0 wherever it starts.
func angle(s *safex.System, d int) bool {
	for _, a := range s.Angles {
		if d == a.Sin || d == a.Cos {
			return true
		}
	}
	return false
}

// Gymnasium's pendulum and the one of this library are the same system: from the same start, with the same actions, an episode differs by less than 1e-5.
func TestSamePendulum(t *testing.T) {
	outside, err := pendulum(t).System()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := outside.Plant.Open(t.Context(), outside)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	src := rng.New(3)
	for i := range 3 {
		src := src.At(i)
		there, err := outside.BeginPlant(t.Context(), p, src)
		if err != nil {
			t.Fatal(err)
		}
		here := ours.Begin(there.States[0], src)
		act := ours.ColouredPolicy(0.9, 0.4, src.Child("act"))
		for step := range 199 { // at 200 it says that its time is up
			u := act(step, nil)
			if _, err := outside.AdvancePlant(t.Context(), p, &there, u, src); err != nil {
				t.Fatal(err)
			}
			if err := ours.Advance(&here, u, src); err != nil {
				t.Fatal(err)
			}
			for d := range ours.State {
				if off := math.Abs(here.States[step+1][d] - there.States[step+1][d]); !(off < 1e-5) {
					t.Fatalf("episode %d, step %d: %s is %v there and %v here", i, step, ours.State[d].Name, there.States[step+1][d], here.States[step+1][d])
				}
			}
		}
	}
}

// A Gymnasium environment that says that its time is up ends an episode, and says why.
func TestTimeIsUp(t *testing.T) {
	task := pendulum(t)
	task.Steps = 300
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plant.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	way, end, err := s.TryPlant(t.Context(), p, 300, rng.New(1))
	if err != nil || len(way.Actions) != 200 || end.End != safex.Truncated || end.Why == "" {
		t.Errorf("%d steps, %+v, error %v", len(way.Actions), end, err)
	}
}

// What cannot be a plant is said by the file itself, before anything is learned.
func TestUnfit(t *testing.T) {
	process := script(t, "pendulum", "gymnasium")
	python, _, _ := strings.Cut(process.Command, " ")
	where, err := filepath.Abs("../../plant")
	if err != nil {
		t.Fatal(err)
	}
	const head = "import sys; sys.path.insert(0, %q)\nimport gymnasium, safex_plant\n"
	for name, c := range map[string]struct{ script, want string }{
		"no box":        {"safex_plant.Gym(gymnasium.make('CartPole-v1'), lambda e, o: {}, ['push'], dt=0.02)", "safex needs continuous actions"},
		"actions":       {"safex_plant.Gym(gymnasium.make('Pendulum-v1'), lambda e, o: {}, ['a', 'b'])", "has 1 actions, and action names 2"},
		"no dict":       {"safex_plant.Gym(gymnasium.make('Pendulum-v1'), lambda e, o: o, ['torque'])", "want a dict of names and numbers"},
		"no dt":         {"safex_plant.Gym(gymnasium.make('MountainCarContinuous-v0'), lambda e, o: {'x': o[0], 'v': o[1]}, ['push'])", "pass dt="},
		"infinite high": {"safex_plant.Gym(gymnasium.make('Pendulum-v1'), lambda e, o: {}, ['torque'], high=[float('inf')])", "high of the actions is [inf]"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "unfit.py")
			if err := os.WriteFile(file, []byte(fmt.Sprintf(head, where)+c.script+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			task := pendulum(t)
			task.Plant = plant.DefaultProcess(python + " " + file)
			s, err := task.System()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Plant.Open(context.Background(), s); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
