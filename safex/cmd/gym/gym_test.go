package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plant"
	"github.com/rischiboy/safe_exploration/safex/planttest"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// script is a plant by the script of that name; the test is skipped where Python lacks a module.
func script(t *testing.T, name string, modules ...string) plant.Process {
	t.Helper()
	return plant.DefaultProcess(fmt.Sprintf("%s %s.py", interpreter(t, modules...), name))
}

// interpreter is Python, that of SAFEX_PYTHON or python3; the test is skipped where it lacks a module.
func interpreter(t *testing.T, modules ...string) string {
	t.Helper()
	python := os.Getenv("SAFEX_PYTHON")
	if python == "" {
		python = "python3"
	}
	if _, err := exec.LookPath(python); err != nil {
		t.Skipf("there is no %s", python)
	}
	for _, module := range modules {
		if out, err := exec.Command(python, "-c", "import "+module).CombinedOutput(); err != nil {
			install, ok := map[string]string{"numpy": "numpy", "pybullet": "pybullet", "dm_control.suite": "dm_control 'mujoco<4'"}[module]
			if !ok {
				install = "'gymnasium[mujoco]'"
			}
			t.Skipf("%s has no %s (%s): install it by: pip install %s", python, module, last(out), install)
		}
	}
	return python
}

// besides is the file of a script that can import the scripts of this folder and safex_plant.
func besides(t *testing.T, script string) string {
	t.Helper()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "script.py")
	head := fmt.Sprintf("import sys; sys.path[:0] = [%q, %q]\nimport safex_plant\n", here, filepath.Join(here, "..", "..", "plant"))
	if err := os.WriteFile(file, []byte(head+script), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
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
		"scg_cartpole": func(t *testing.T) safex.Task {
			p := DefaultSCGCartPole()
			p.Plant = script(t, "safe_control_gym")
			p.Plant.Command += " cartpole 0.1"
			return p.Task()
		},
		"scg_quadrotor": func(t *testing.T) safex.Task {
			p := DefaultSCGQuadrotor()
			p.Plant = script(t, "safe_control_gym")
			p.Plant.Command += " quadrotor 0.01"
			return p.Task()
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
			low, high := drawn(t, s)
			for seed := range uint32(20) {
				x, err := p.Reset(t.Context(), seed)
				if err != nil {
					t.Fatal(err)
				}
				for d, v := range x {
					if room := 0.2 * s.State[d].Scale; !(low[d]-room <= v && v <= high[d]+room) {
						t.Errorf("seed %d starts with %s at %v, and the task from %v to %v", seed, s.State[d].Name, v, low[d], high[d])
					}
				}
			}
		})
	}
}

// drawn are the least and the largest of each dimension among starts that the task draws.
func drawn(t *testing.T, s *safex.System) (low, high []float64) {
	src := rng.New(2)
	for i := range 100 {
		x, err := s.DrawStart(src.At(i))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			low, high = slices.Clone(x), slices.Clone(x)
		}
		for d, v := range x {
			low[d], high[d] = min(low[d], v), max(high[d], v)
		}
	}
	return low, high
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

// A Gymnasium environment whose actions are not about 0 gets them in its own unit: here a heater, from 0 kW to 2 kW, and a valve from 1 to 5.
func TestBounds(t *testing.T) {
	file := besides(t, `
class Heater:
    class unwrapped:
        dt = 0.1

    class action_space:
        low, high, shape, dtype = [0, 1], [2, 5], (2,), float

    def reset(self, seed):
        return [0.0, 0.0], {}

    def step(self, action):
        return list(action), 0.0, False, False, {}

    def close(self):
        pass

safex_plant.serve(safex_plant.Gym(Heater(), lambda env, seen: {"heat": seen[0], "open": seen[1]}, ["power", "valve"]))
`)
	task := safex.Task{
		Name: "heater", Dt: 0.1, Steps: 10, Plant: plant.DefaultProcess(interpreter(t, "numpy") + " " + file), Start: safex.StartAt(0, 0),
		State:  []safex.Var{{Name: "heat", Scale: 1}, {Name: "open", Scale: 1}},
		Action: []safex.Var{{Name: "power", Scale: 1, RandomCenter: -1}, {Name: "valve", Scale: 1}},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plant.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Reset(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ u, want []float64 }{{[]float64{-1, -1}, []float64{0, 1}}, {[]float64{0, 0}, []float64{1, 3}}, {[]float64{0.5, -0.5}, []float64{1.5, 2}}, {[]float64{1, 1}, []float64{2, 5}}} {
		a, err := p.Step(t.Context(), c.u)
		if err != nil || !slices.Equal(a.State, c.want) {
			t.Errorf("actions of %v are %v to the environment, error %v, want %v", c.u, a.State, err, c.want)
		}
	}
}

// What cannot be a plant is said by the file itself, before anything is learned.
func TestUnfit(t *testing.T) {
	python := interpreter(t, "gymnasium")
	for name, c := range map[string]struct{ script, want string }{
		"no box":        {"safex_plant.Gym(gymnasium.make('CartPole-v1'), lambda e, o: {}, ['push'], dt=0.02)", "safex needs continuous actions"},
		"actions":       {"safex_plant.Gym(gymnasium.make('Pendulum-v1'), lambda e, o: {}, ['a', 'b'])", "has 1 actions, and action names 2"},
		"no dict":       {"safex_plant.Gym(gymnasium.make('Pendulum-v1'), lambda e, o: o, ['torque'])", "want a dict of names and numbers"},
		"no dt":         {"safex_plant.Gym(gymnasium.make('MountainCarContinuous-v0'), lambda e, o: {'x': o[0], 'v': o[1]}, ['push'])", "pass dt="},
		"infinite high": {"safex_plant.Gym(gymnasium.make('Pendulum-v1'), lambda e, o: {}, ['torque'], high=[float('inf')])", "high of the actions is [inf]"},
	} {
		t.Run(name, func(t *testing.T) {
			file := besides(t, "import gymnasium\n"+c.script+"\n")
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
