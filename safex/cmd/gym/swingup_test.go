package main

import (
	"encoding/json"
	"math"
	"os/exec"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// The plant in MuJoCo alone is dm_control's cartpole swingup to the bit, from the same seed and under the same actions, also at the stops of its rail.
func TestSameSwingup(t *testing.T) {
	task := DefaultSwingup()
	task.Plant = script(t, "swingup", "dm_control.suite")
	ours, err := task.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	task.Plant = script(t, "dm_swingup", "dm_control.suite")
	theirs, err := task.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	here, err := ours.Plant.Open(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there, err := theirs.Plant.Open(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	for seed := range uint32(2) {
		x, err := here.Reset(t.Context(), seed)
		if err != nil {
			t.Fatal(err)
		}
		y, err := there.Reset(t.Context(), seed)
		if err != nil {
			t.Fatal(err)
		}
		act := ours.ColouredPolicy(0.9, 0.4, rng.New(3).At(int(seed)))
		far := 0.0
		for step := range ours.Steps {
			for d := range x {
				if x[d] != y[d] {
					t.Fatalf("seed %d, step %d: %s is %v here and %v there", seed, step, ours.State[d].Name, x[d], y[d])
				}
			}
			far = max(far, math.Abs(x[0]))
			u := act(step, nil)
			if step > 150 { // against a stop
				u = []float64{1}
			}
			a, err := here.Step(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			b, err := there.Step(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			x, y = a.State, b.State
		}
		if far < 1.8 {
			t.Errorf("seed %d: the cart went %v m, want it at a stop", seed, far)
		}
	}
}

// The reward of swingup is dm_control's after its last step, four times.
func TestSwingupReward(t *testing.T) {
	python := interpreter(t, "dm_control.suite")
	file := besides(t, `
import json, random
from dm_swingup import Swingup

swingup, draw = Swingup(), random.Random(1)
for seed in range(3):
    swingup.reset(seed)
    for step in range(60):
        u, x = [draw.uniform(-1, 1)], swingup.see()
        if step % 20 == 0: # upright as well, and turning fast
            swingup.env.physics.data.qpos[1], swingup.env.physics.data.qvel[1] = draw.uniform(-1, 1), draw.uniform(-8, 8)
        for _ in range(4):
            reward = swingup.env.step(u).reward
        print(json.dumps({"x": x, "u": u, "next": swingup.see(), "reward": reward}), file=safex_plant._OUT)
`)
	out, err := exec.Command(python, file).Output()
	if err != nil {
		t.Fatal(err)
	}
	s, err := DefaultSwingup().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 180 {
		t.Fatalf("%d steps, want 180", len(lines))
	}
	most := 0.0
	for _, line := range lines {
		var step struct {
			X, U, Next []float64
			Reward     float64
		}
		if err := json.Unmarshal([]byte(line), &step); err != nil {
			t.Fatal(err)
		}
		got := make([]float64, s.Outcome.Out)
		s.Outcome.Eval(got, append(append(append(step.X, step.U...), step.Next...), 0))
		if off := math.Abs(got[0] - 4*step.Reward); !(off < 1e-9) {
			t.Fatalf("%s: the reward is %v, want 4 of dm_control's", line, got[0])
		}
		most = max(most, step.Reward)
	}
	if most < 0.5 {
		t.Errorf("the best reward was %v: too low to tell", most)
	}
}
