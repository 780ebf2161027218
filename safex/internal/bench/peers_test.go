package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// fake is a Python that does what a shell script says, whose third argument is the name of the program.
func fake(t *testing.T, script string) string {
	t.Helper()
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip("there is no /bin/sh for a Python that is not one")
	}
	path := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// few are peers of one small network and one turn.
func few(python string, names ...string) Peers {
	p := QuickPeers()
	p.Python, p.Names, p.Widths, p.Calls, p.Slice, p.Patient = python, names, []int{4}, 1, 0, 30*time.Second
	return p
}

// talking is a script that tells a version, and answers everything with the same line.
func talking(line string) string {
	return `echo '{"versions": {"fake": "1.2"}}'; while read request; do echo '` + line + `'; done`
}

// What goes wrong with a peer is one sentence, and the others go on.
func TestLeftOut(t *testing.T) {
	all := []string{peerJAX, peerPublished, peerPETS}
	for _, c := range []struct{ name, script, want string }{
		{"missing", `echo '{"missing": "jax"}'`, "has no module jax; install it by: "},
		{"silent", `exit 0`, "ended with no answer"},
		{"crash", `echo "Traceback" >&2; echo "ImportError: libfoo is broken" >&2; exit 3`, "ended with exit status 3: ImportError: libfoo is broken"},
		{"garbage", `echo hello`, `it answered "hello", which is not what was asked for`},
		{"long", `head -c 200000 /dev/zero | tr '\0' x; sleep 1`, `it answered "xxxx`},
		{"half", `printf '{"versions": {'; exit 0`, "which is not what was asked for"},
		{"other type", `echo '{"versions": 3}'`, "which is not what was asked for"},
		{"error", `echo '{"error": "ValueError: no"}'`, "it failed with ValueError: no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := few(fake(t, c.script), all...).Measure(context.Background(), nil)
			if err != nil || len(got.Rows) != 0 || len(got.LeftOut) != len(all) {
				t.Fatalf("error %v, %+v", err, got)
			}
			for _, text := range got.LeftOut {
				if !strings.Contains(text, c.want) || !strings.Contains(text, " is left out: ") || strings.Contains(text, "\n") {
					t.Errorf("%q, want %q in it", text, c.want)
				}
			}
		})
	}
	got, err := few(filepath.Join(t.TempDir(), "none"), all...).Measure(context.Background(), nil)
	if err != nil || len(got.LeftOut) != len(all) || !strings.Contains(got.LeftOut[0], "there is no Python as") || !strings.Contains(got.LeftOut[0], "--python") {
		t.Errorf("error %v, %+v", err, got)
	}
}

// A peer that stops to answer is left out as well, and what it had measured stays.
func TestLeftOutLater(t *testing.T) {
	good := `{"seconds": 0.5, "candidates": 2500}`
	once := `echo '{"versions": {"fake": "1.2"}}'; for i in 1 2; do read request; echo '` + good + `'; done; read request; `
	for _, c := range []struct{ name, script, want string }{
		{"crash", once + `echo "out of memory" >&2; exit 1`, "ended with exit status 1: out of memory"},
		{"garbage", once + `echo '[1]'`, "which is not what was asked for"},
		{"never", talking(`{"seconds": 0, "candidates": 2500}`), "which cannot be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := few(fake(t, c.script), peerJAX).Measure(context.Background(), nil)
			if err != nil || len(got.LeftOut) != 1 || !strings.Contains(got.LeftOut[0], c.want) || got.Versions["fake"] != "1.2" {
				t.Errorf("error %v, %+v, want %q", err, got, c.want)
			}
			if want := c.name != "never"; (len(got.Rows) == 1) != want {
				t.Errorf("rows %+v", got.Rows)
			}
		})
	}
	p := few(fake(t, `exec sleep 60`), peerJAX)
	p.Patient = 100 * time.Millisecond
	got, err := p.Measure(context.Background(), nil)
	if err != nil || len(got.LeftOut) != 1 || !strings.Contains(got.LeftOut[0], "did not answer within 100ms") {
		t.Errorf("error %v, %+v", err, got)
	}
}

// Who cancels gets what there is, and no process goes on.
func TestPeersStop(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	ctx, cancel := context.WithCancel(context.Background())
	p := few(fake(t, talking(`{"seconds": 0.5, "candidates": 2500}`)+"; touch "+mark), peerJAX, peerPETS)
	got, err := p.Measure(ctx, func(got *Comparison) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) || len(got.Rows) != 1 || len(got.LeftOut) != 0 {
		t.Errorf("error %v, %+v", err, got)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a process saw the end of its requests, and was not ended")
	}
	ctx, cancel = context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := few(fake(t, `exec sleep 60`), peerJAX).Measure(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	full := errors.New("the disk is full")
	if _, err := p.Measure(context.Background(), func(*Comparison) error { return full }); err != full {
		t.Errorf("error %v", err)
	}
}

// Rows have both sides and their ratio, in JSON and in the table.
func TestVersus(t *testing.T) {
	p := few(fake(t, talking(`{"seconds": 0.5, "candidates": 2500}`)), peerJAX)
	p.Turns = 3
	got, err := p.Measure(context.Background(), nil)
	if err != nil || len(got.Rows) != 2 || got.CPU == "" || got.Machine == "" {
		t.Fatalf("error %v, %+v", err, got)
	}
	for _, v := range got.Rows {
		if want := 1e9 * 0.5 / (2500 * 20); math.Abs(v.Theirs-want) > 1e-9*want || !(v.Ours > 0) || v.Turns != 3 || v.Open || !(v.Low <= v.Ratio && v.Ratio <= v.High) || math.Abs(v.Ours/v.Theirs-v.Ratio) > 1e-9*v.Ratio {
			t.Errorf("%+v", v)
		}
	}
	got.LeftOut = []string{"PETS is left out: no"}
	text, err := got.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var again Comparison
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&again); err != nil || !reflect.DeepEqual(&again, got) {
		t.Errorf("error %v; JSON reads back as\n%+v, want\n%+v", err, again, got)
	}
	var b strings.Builder
	if err := got.Table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{got.CPU + ", fake 1.2", "Beside JAX", "gradient, 4,4 swish", "PETS is left out: no\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// A side that solved the cart-pole is beside one that did not by a bound, with how far that came.
func TestSolve(t *testing.T) {
	c := &compare{got: &Comparison{}}
	ours, theirs := solver{}, solver{steps: 200, seconds: 10}
	ours.add(20, 1)
	ours.add(180, 2)
	theirs.add(41, 80)
	theirs.add(9, 10)
	if !ours.solved || theirs.solved {
		t.Errorf("%+v, %+v", ours, theirs)
	}
	if err := c.solve(Versus{Peer: "PETS"}, ours, theirs); err != nil {
		t.Fatal(err)
	}
	steps, seconds := c.got.Rows[0], c.got.Rows[1]
	if steps.Ours != 200 || steps.Theirs != 250 || !steps.Open || seconds.Ours != 3 || seconds.Theirs != 100 || seconds.Ratio != 0.03 {
		t.Errorf("%+v, %+v", steps, seconds)
	}
	if want := "PETS did not solve it: its longest trial of 2 lasted 41 of 200 steps, after 250 steps and 100 s in all."; steps.Note != want {
		t.Errorf("%q, want %q", steps.Note, want)
	}
	var b strings.Builder
	if err := c.got.Table(&b); err != nil || !strings.Contains(b.String(), "> 250") || !strings.Contains(b.String(), "< 0.03") {
		t.Errorf("error %v\n%s", err, b.String())
	}
	c.got = &Comparison{}
	if err := c.solve(Versus{Peer: "PETS"}, theirs, ours); err != nil || len(c.got.Rows) != 0 || !strings.Contains(c.got.LeftOut[0], "safex did not solve it") {
		t.Errorf("error %v, %+v", err, c.got)
	}
}

// Our agent solves the cart-pole beside a peer that does not.
func TestPETS(t *testing.T) {
	if testing.Short() {
		t.Skip("learns for seconds")
	}
	got, err := few(fake(t, talking(`{"steps": 20, "return": 20, "seconds": 100, "late": false}`)), peerPETS).Measure(context.Background(), nil)
	if err != nil || len(got.LeftOut) != 0 || len(got.Rows) != 3 {
		t.Fatalf("error %v, %+v", err, got)
	}
	if v := got.Rows[1]; !(v.Ours >= solved && v.Ours < 2000) || v.Theirs < 40 || !v.Open {
		t.Errorf("%+v", v)
	}
}

// The cart-pole has the equations of the library's own, in a step of Euler's method.
func TestBalance(t *testing.T) {
	s, err := balance().System()
	if err != nil {
		t.Fatal(err)
	}
	rates := num.Trace(5, func(z num.Vec) num.Vec { return tasks.DefaultCartPole().Rates(z[:4], z[4:]) })
	for _, z := range [][]float64{{0.1, -0.2, 0.05, 0.3, 0.7}, {-2, 1, -0.2, -1, -1}, {0, 0, 0, 0, 0}} {
		next, _, _ := s.Step(z[:4], z[4:])
		var dz [4]float64
		rates.Eval(dz[:], z)
		for i := range next {
			if want := z[i] + 0.02*dz[i]; math.Abs(next[i]-want) > 1e-12 {
				t.Errorf("%v: dimension %d is %v, want %v", z, i, next[i], want)
			}
		}
	}
	if !fallen([]float64{2.5, 0, 0, 0}) || !fallen([]float64{0, 0, -0.21, 0}) || fallen([]float64{-2.3, 9, 0.2, 9}) {
		t.Error("a trial ends elsewhere")
	}
}

func TestCheckPeers(t *testing.T) {
	for _, p := range []Peers{DefaultPeers(), QuickPeers()} {
		if err := p.Check(); err != nil {
			t.Error(err)
		}
	}
	for want, change := range map[string]func(p *Peers){
		`no peer "torch": want jax`: func(p *Peers) { p.Names = []string{"torch"} },
		"name something twice":      func(p *Peers) { p.Names = []string{peerJAX, peerJAX} },
		"no Python":                 func(p *Peers) { p.Python = "" },
		"Turns 0":                   func(p *Peers) { p.Turns = 0 },
		"Within 0s":                 func(p *Peers) { p.Within = 0 },
		`no engine "fuse"`:          func(p *Peers) { p.Engine = "fuse" },
	} {
		p := DefaultPeers()
		change(&p)
		if got, err := p.Measure(context.Background(), nil); err == nil || !strings.Contains(err.Error(), want) || got != nil {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// What the programs have in common does what it says, in a real Python.
func TestTalk(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	talk, err := programs.ReadFile("peers/talk.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ program, requests, want string }{
		{"json_, = need('json')\nneed('no_such_module_at_all')", "", `{"missing": "no_such_module_at_all"}`},
		{"print('noise')\nserve({'a': '1'}, lambda n: {'twice': 2 * n})", "{\"n\": 4}\n{\"n\": 5}\n", "{\"versions\": {\"a\": \"1\"}}\n{\"twice\": 8}\n{\"twice\": 10}"},
		{"serve({}, lambda n: {'share': 1 / n})", "{\"n\": 0}\n{\"n\": 1}\n", "{\"versions\": {}}\n{\"error\": \"ZeroDivisionError: division by zero\"}"},
	} {
		run := exec.Command(python, "-c", string(talk)+"\n"+c.program)
		run.Stdin = strings.NewReader(c.requests)
		out, _ := run.Output()
		if got := strings.TrimSpace(string(out)); got != c.want {
			t.Errorf("%s: %s, want %s", c.program, got, c.want)
		}
	}
	for _, name := range []string{"jax_rollouts", "jax_minmax", "mbrl_pets"} { // they are Python at least
		text, err := programs.ReadFile("peers/" + name + ".py")
		if err != nil {
			t.Fatal(err)
		}
		check := exec.Command(python, "-c", "import ast, sys; ast.parse(sys.stdin.read())")
		check.Stdin = bytes.NewReader(text)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}
