package main

import (
	"math"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// opened is the plant safe_control_gym.py with what the task says, and the System.
func opened(t *testing.T, task func(command string) safex.Task, words string) (*safex.System, safex.Plant) {
	t.Helper()
	s, err := task(script(t, "safe_control_gym").Command + " " + words).System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plant.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return s, p
}

func cartPole(command string) safex.Task {
	p := DefaultSCGCartPole()
	p.Plant.Command = command
	return p.Task()
}

func quadrotor(command string) safex.Task {
	p := DefaultSCGQuadrotor()
	p.Plant.Command = command
	return p.Task()
}

// regulated takes the state (x, v, θ, ω) through a step of the cart-pole of this library, which has other equations of its own, under the regulator of the plant.
func regulated(cart *safex.System, x []float64, u, push float64) []float64 {
	z := []float64{x[0], x[1], math.Sin(x[2]), math.Cos(x[2]), x[3]}
	next := make([]float64, len(z))
	for range 100 {
		force := (17*math.Atan2(z[2], z[3]) + 4*z[4] + 10*u + push) / 10
		cart.Dynamics.Eval(next, append(z[:5:5], force))
		copy(z, next)
	}
	return []float64{z[0], z[1], math.Atan2(z[2], z[3]), z[4]}
}

// cart is the cart-pole of this library, in steps of PyBullet's.
func cart(t *testing.T) *safex.System {
	t.Helper()
	p := tasks.DefaultCartPole()
	p.Dt = 0.001
	s, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The cart-pole of the plant goes as that of this library does under the same regulator, also where the force is cut; PyBullet's steps differ by less than 0.1 %.
func TestSCGCartPole(t *testing.T) {
	s, p := opened(t, cartPole, "cartpole")
	cart := cart(t)
	act := s.ColouredPolicy(0.9, 0.2, rng.New(1))
	for seed := range uint32(5) {
		x, err := p.Reset(t.Context(), seed)
		if err != nil {
			t.Fatal(err)
		}
		for step := range 8 {
			u := act(step, nil)
			if seed == 4 {
				u[0] = 1
			}
			a, err := p.Step(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			for d, want := range regulated(cart, x, u[0], 0) {
				if off := math.Abs(a.State[d] - want); !(off < 1e-3*(1+math.Abs(want))) {
					t.Fatalf("seed %d, step %d: %s is %v, want %v", seed, step, s.State[d].Name, a.State[d], want)
				}
			}
			x = a.State
		}
	}
}

// The cart-pole of the plant goes as PyBullet takes it, whose joints, masses and lengths are those of the repository's and whose pole is a rod: an episode of the same actions
// differs by less than a micrometre and a microradian.
func TestPyBullet(t *testing.T) {
	python := interpreter(t, "pybullet")
	file := besides(t, `
import math, os, tempfile
import pybullet
import safe_control_gym

BODY = """<robot name="cartpole">
  <link name="rail"><inertial><mass value="0"/><inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial></link>
  <link name="cart"><inertial><mass value="1"/><inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial></link>
  <link name="pole"><inertial><origin xyz="0 0 0.5"/><mass value="0.1"/>
    <inertia ixx="%(rod)s" ixy="0" ixz="0" iyy="%(rod)s" iyz="0" izz="1e-4"/></inertial></link>
  <joint name="slider" type="prismatic"><axis xyz="1 0 0"/><parent link="rail"/><child link="cart"/>
    <limit effort="1000" lower="-15" upper="15" velocity="5"/></joint>
  <joint name="hinge" type="continuous"><axis xyz="0 1 0"/><parent link="cart"/><child link="pole"/></joint>
</robot>""" % {"rod": 0.1 / 12}

pybullet.connect(pybullet.DIRECT)
pybullet.setGravity(0, 0, -9.8)
pybullet.setTimeStep(0.001)
with tempfile.TemporaryDirectory() as folder:
    name = os.path.join(folder, "cartpole.urdf")
    with open(name, "w") as out:
        out.write(BODY)
    body = pybullet.loadURDF(name, flags=pybullet.URDF_USE_INERTIA_FROM_FILE)
for link in -1, 0, 1:
    pybullet.changeDynamics(body, link, linearDamping=0, angularDamping=0)
plant, worst = safe_control_gym.CartPole(0), 0.0
for joint, (place, speed) in enumerate(zip(*[iter(plant.reset(5))] * 2)):
    pybullet.setJointMotorControl2(body, joint, pybullet.VELOCITY_CONTROL, force=0)
    pybullet.resetJointState(body, joint, place, speed)
see = lambda: [v for joint in (0, 1) for v in pybullet.getJointState(body, joint)[:2]]
for step in range(50):
    u = 0.03 * math.sin(step) if step < 40 else 0.9
    for _ in range(100):
        _, _, theta, omega = see()
        pybullet.setJointMotorControl2(body, 0, pybullet.TORQUE_CONTROL, force=max(-10, min(10, 17 * theta + 4 * omega + 10 * u)))
        pybullet.stepSimulation()
    worst = max(worst, *[abs(a - b) for a, b in zip(plant.step([u]), see())])
print(worst, file=safex_plant._OUT)
`)
	out, err := exec.Command(python, file).Output()
	if err != nil {
		t.Fatal(err)
	}
	if worst, err := strconv.ParseFloat(last(out), 64); err != nil || !(worst < 1e-6) {
		t.Errorf("it differs by %s (%v)", out, err)
	}
}

// A step under the backup of the cart-pole ends in its set, from all over it, also under three deviations of the noise that the study has.
func TestSCGBackup(t *testing.T) {
	s, err := DefaultSCGCartPole().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	cart, r, inside := cart(t), rng.New(5).Rand(), 0
	for range 600 {
		draw := func(half float64) float64 { return half * (2*r.Float64() - 1) }
		x := []float64{draw(2), draw(3), draw(0.2), draw(0.2)}
		if !s.Backup.Contains(x) {
			continue
		}
		inside++
		if next := regulated(cart, x, s.Backup.Action(x)[0], 0.3*float64(1-2*(inside%2))); !s.Backup.Contains(next) {
			t.Errorf("from %v a step ends at %v, outside", x, next)
		}
	}
	if inside < 300 {
		t.Errorf("%d states of the set were tried", inside)
	}
}

// The quadrotor hovers at the thrust that its random actions lie around, leans as much as its controller does in the end, and goes around the circle in 5 s.
func TestSCGQuadrotor(t *testing.T) {
	s, p := opened(t, quadrotor, "quadrotor")
	x, err := p.Reset(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	z := x[2]
	for step := range s.Steps {
		u := []float64{s.Action[0].RandomCenter, 0}
		if step >= 10 {
			u[1] = 0.5 // 0.2 rad
		}
		a, err := p.Step(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		x = a.State
		if step == 9 && !(math.Abs(x[2]-z) < 1e-9 && math.Abs(x[4]) < 1e-9) {
			t.Errorf("hovering for 1 s it went from a height of %v m to %v m, and leans by %v rad", z, x[2], x[4])
		}
	}
	if want := 0.2 * 124.8 / 140.8; math.Abs(x[4]-want) > 1e-6 {
		t.Errorf("it leans by %v rad in the end, want %v", x[4], want)
	}
	if !(math.Abs(x[6]-1) < 1e-9 && math.Abs(x[7]) < 1e-9) {
		t.Errorf("after %d steps the circle is at %v, %v", s.Steps, x[6], x[7])
	}
}
