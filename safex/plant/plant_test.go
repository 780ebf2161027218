package plant_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plant"
	"github.com/rischiboy/safe_exploration/safex/planttest"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// spring is a mass on a spring, whose plant is p.
func spring(p safex.PlantMaker) safex.Task {
	return safex.Task{
		Name:   "spring",
		State:  []safex.Var{{Name: "x", Scale: 1}, {Name: "v", Scale: 1}},
		Action: []safex.Var{{Name: "force", Scale: 1}},
		Dt:     0.1, Steps: 30, Start: safex.StartAt(1, 0), Plant: p,
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Square().Neg() },
		Limits: []safex.Limit{{Name: "speed", Max: 3, Of: func(x, u, next num.Vec) num.Expr { return next[1].Abs() }}},
	}
}

// inGo is a spring in this process.
type inGo struct{ x, v float64 }

func (p *inGo) Repeats() bool { return true }

func (p *inGo) Reset(_ context.Context, seed uint32) ([]float64, error) {
	p.x, p.v = 1+float64(seed%100)/1e3, 0
	return []float64{p.x, p.v}, nil
}

func (p *inGo) Step(_ context.Context, u []float64) (safex.Answer, error) {
	p.v += 0.1 * (u[0] - p.x)
	p.x += 0.1 * p.v
	return safex.Answer{State: []float64{p.x, p.v}}, nil
}

func (p *inGo) Close() error { return nil }

// mode is the variable of the environment that makes this program a plant.
const mode = "SAFEX_PLANT_TEST"

// TestMain is the spring as a process, if it is asked to be one.
func TestMain(m *testing.M) {
	if os.Getenv(mode) == "" {
		os.Exit(m.Run())
	}
	s, err := spring(safex.PlantFunc(func(context.Context, *safex.System) (safex.Plant, error) { return &inGo{}, nil })).System()
	if err == nil {
		err = plant.Serve(context.Background(), os.Stdin, os.Stdout, plant.HelloOf(s), &inGo{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// itself is this program as a plant.
func itself(t testing.TB) plant.Process {
	t.Setenv(mode, "1")
	return plant.DefaultProcess(fmt.Sprintf("%q", os.Args[0]))
}

// python is a plant that is a script in Python, after the lines that define the spring; the test is skipped where there is no Python.
func python(t testing.TB, script string) plant.Process {
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"safex_plant.py": plant.Python, "spring.py": head + script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return plant.DefaultProcess(fmt.Sprintf("%s '%s'", interpreter, filepath.Join(dir, "spring.py")))
}

const head = `
import json, os, random, sys, time
if "serve" in open(__file__).read().split("# HEAD")[-1]:
    print("loading")
    import safex_plant

class Spring:
    state, action, dt, repeats = ["x", "v"], ["force"], 0.1, True

    def reset(self, seed):
        self.x, self.v, self.t = 1 + seed % 100 / 1e3, 0.0, 0
        return self.x, self.v

    def step(self, u):
        self.t += 1
        self.v += 0.1 * (u[0] - self.x)
        self.x += 0.1 * self.v
        return self.x, self.v

# HEAD
`

const whole = "print('loaded')\nsafex_plant.serve(Spring())\n" // what is printed does no harm

// A plant in Go, in another process, in Python, and a recording of one keep the laws.
func TestLaws(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) safex.PlantMaker{
		"Go": func(*testing.T) safex.PlantMaker {
			return safex.PlantFunc(func(context.Context, *safex.System) (safex.Plant, error) { return &inGo{}, nil })
		},
		"process": func(t *testing.T) safex.PlantMaker { return itself(t) },
		"Python":  func(t *testing.T) safex.PlantMaker { return python(t, whole) },
	} {
		t.Run(name, func(t *testing.T) { planttest.Laws(t, spring(open(t))) })
	}
}

// All plants give the same answers, to the bit: numbers lose nothing on their way.
func TestSameAnswers(t *testing.T) {
	makers := []safex.PlantMaker{itself(t), python(t, "safex_plant.serve(Spring())\n")}
	for _, m := range makers {
		s, err := spring(m).System()
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.Open(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		here := &inGo{}
		want, _ := here.Reset(t.Context(), 71)
		got, err := p.Reset(t.Context(), 71)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			for d := range want {
				if want[d] != got[d] {
					t.Fatalf("step %d: %v, want %v", i, got, want)
				}
			}
			u := []float64{math.Sin(float64(i))}
			a, _ := here.Step(t.Context(), u)
			b, err := p.Step(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			want, got = a.State, b.State
		}
	}
}

// What a process can do wrong is said in a sentence that says what to mend, whenever it happens, and the process is gone afterwards.
func TestFaults(t *testing.T) {
	hello := `print(json.dumps({"safex": 1, "state": ["x", "v"], "action": ["force"], "dt": 0.1}), flush=True)` + "\n"
	answer := hello + "for line in sys.stdin:\n    "
	reset := answer + "if 'reset' in line:\n        print(json.dumps({'state': [1, 0]}), flush=True)\n    else:\n        "
	for name, c := range map[string]struct{ script, want string }{
		"no answer to the start": {"time.sleep(60)", "did not answer its start within 0.3 s"},
		"ends at once":           {"sys.exit(3)", "exit status 3"},
		"cannot import":          {"import no_such_module", "No module named 'no_such_module'"},
		"says it cannot begin":   {`print(json.dumps({"error": "the robot is off"}), flush=True)`, "the robot is off"},
		"another version":        {`print(json.dumps({"safex": 2}), flush=True)`, "version 2 of the protocol"},
		"greets in prose":        {`print("hello, safex", flush=True); time.sleep(60)`, `it said "hello, safex", which is no greeting in JSON`},
		"other names":            {strings.Replace(hello, `"v"`, `"speed"`, 1), "its state is x, speed, and that of task \"spring\" is x, v"},
		"other actions":          {strings.Replace(hello, `["force"]`, `[]`, 1), "its action is nothing"},
		"another dt":             {strings.Replace(hello, "0.1", "0.05", 1), "its steps take 0.05 s"},
		"no dt":                  {strings.Replace(hello, `, "dt": 0.1`, "", 1), "its steps take 0 s"},
		"stalls at a reset":      {answer + "time.sleep(60)", "did not answer a reset within 0.3 s"},
		"stalls at a step":       {reset + "time.sleep(60)", "did not answer a step within 0.3 s"},
		"falls":                  {reset + "raise RuntimeError('a wheel is off')", "its last words: RuntimeError: a wheel is off"},
		"is killed":              {reset + "os.kill(os.getpid(), 9)", "killed"},
		"garbles":                {reset + "print('{\"state\": [1, ', flush=True)", `its answer to a step is "{\"state\": [1, "`},
		"prints too much":        {reset + "print('x' * (1 << 21), flush=True)", "longer than"},
		"a NaN":                  {reset + "print(json.dumps({'state': [float('nan'), 0]}), flush=True)", "x is NaN"},
		"an infinity":            {reset + "print(json.dumps({'state': [0, float('inf')]}), flush=True)", "v is NaN"},
		"a state too short":      {reset + "print(json.dumps({'state': [1]}), flush=True)", "a state of 1 numbers, and that of task \"spring\" has 2"},
		"no state":               {reset + "print('{}', flush=True)", `a step without a "state"`},
		"a state of words":       {reset + "print(json.dumps({'state': ['a', 'b']}), flush=True)", "state"},
		"an error":               {reset + "print(json.dumps({'error': 'the battery is empty'}), flush=True)", "the battery is empty"},
		"speaks unasked":         {reset + "print(json.dumps({'state': [1, 0]}) + '\\n' + json.dumps({'state': [2, 0]}), flush=True)", "nothing was asked"},
		"an exception": {"class Bad(Spring):\n    def step(self, u):\n        return self.nothing\nsafex_plant.serve(Bad())\n",
			"AttributeError"},
		"starts beyond a limit": {answer + "print(json.dumps({'state': [0, 9]}), flush=True)", "beyond limit \"speed\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := python(t, c.script+"\n")
			if strings.Contains(c.want, "0.3 s") {
				p.Timeout, p.Startup = 0.3, 5
				if name == "no answer to the start" || name == "stalls at a reset" {
					p.Startup = 0.3
				}
			}
			if name == "greets in prose" {
				p.Startup = 2
			}
			if name == "stalls at a reset" { // the interpreter has to have started
				p.Command = strings.Replace(p.Command, " ", " -S -E ", 1)
				p.Startup = 5
				c.want = "did not answer a reset within 5 s"
			}
			s, err := spring(p).System()
			if err != nil {
				t.Fatal(err)
			}
			err = tryOut(t.Context(), s)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than a line", err)
			}
		})
	}
}

// tryOut takes three steps of the plant of s, with a pause before each, as planning makes one: what is said unasked is there by then.
func tryOut(ctx context.Context, s *safex.System) error {
	p, err := s.Plant.Open(ctx, s)
	if err != nil {
		return err
	}
	defer p.Close()
	way, err := s.BeginPlant(ctx, p, rng.New(1))
	for range 3 {
		if err != nil {
			return err
		}
		time.Sleep(30 * time.Millisecond)
		_, err = s.AdvancePlant(ctx, p, &way, []float64{0.5}, rng.New(1))
	}
	return err
}

// Commands that are none, and settings that are none, are refused before anything is started.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		p    plant.Process
		want string
	}{
		{plant.DefaultProcess(""), "there is no Command"},
		{plant.DefaultProcess("python3 'my_system.py"), "within a quote"},
		{plant.Process{Command: "x", Timeout: math.NaN(), Startup: 1}, "Timeout is NaN"},
		{plant.Process{Command: "x", Timeout: 1, Startup: -1}, "Startup -1"},
		{plant.DefaultProcess("no_such_program_anywhere"), "cannot be started"},
	} {
		s, err := spring(c.p).System()
		if err != nil {
			t.Fatal(err)
		}
		if err := tryOut(t.Context(), s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.p, err, c.want)
		}
	}
}

// A context that is over ends the wait for a process that stalls.
func TestCancel(t *testing.T) {
	s, err := spring(python(t, "time.sleep(60)\n")).System()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tryOut(ctx, s); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("got %v", err)
	}
}

// BenchmarkStep is a step of a process, with its way there and back: what a plant costs besides what it computes.
func BenchmarkStep(b *testing.B) {
	for name, open := range map[string]func() safex.PlantMaker{
		"Go":     func() safex.PlantMaker { return itself(b) },
		"Python": func() safex.PlantMaker { return python(b, whole) },
	} {
		b.Run(name, func(b *testing.B) {
			m := open()
			s, err := spring(m).System()
			if err != nil {
				b.Fatal(err)
			}
			p, err := m.Open(b.Context(), s)
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			if _, err := p.Reset(b.Context(), 1); err != nil {
				b.Fatal(err)
			}
			u := []float64{0.123456789}
			for b.Loop() {
				if _, err := p.Step(b.Context(), u); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
