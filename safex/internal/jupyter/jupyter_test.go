package jupyter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Tidy joins streams as a terminal shows them, drops what differs from run to run, keeps the rest, and
// has nothing left to do on its own result.
func TestTidy(t *testing.T) {
	in := `{"cells":[{"cell_type":"markdown","id":"x","metadata":{},"source":["a <b>"]},
{"cell_type":"code","id":"y","execution_count":3,"metadata":{"execution":{"iopub.status.busy":"2026"}},"source":"f()","outputs":[
{"output_type":"stream","name":"stdout","text":["10%\r20%\r"]},{"output_type":"stream","name":"stdout","text":"done\nnext"},
{"output_type":"display_data","data":{"image/png":"AAAA"},"metadata":{},"transient":{"display_id":"1"}},
{"output_type":"stream","name":"stderr","text":"e"}]}],"metadata":{"kernelspec":{"name":"gonb"}},"nbformat":4,"nbformat_minor":5}`
	out, err := Tidy([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	var nb struct {
		Cells []struct {
			ID       string
			Metadata map[string]any
			Outputs  []struct {
				Text string
				Data map[string]string
				Name string
			}
		}
	}
	if err := json.Unmarshal(out, &nb); err != nil {
		t.Fatal(err)
	}
	o := nb.Cells[1].Outputs
	if len(o) != 3 || o[0].Text != "done\nnext" || o[1].Data["image/png"] != "AAAA" || o[2].Name != "stderr" {
		t.Errorf("outputs %+v", o)
	}
	if len(nb.Cells[1].Metadata) != 0 || nb.Cells[0].ID != "cell-1" || bytes.Contains(out, []byte("transient")) || !bytes.Contains(out, []byte("a <b>")) {
		t.Errorf("tidied to %s", out)
	}
	again, err := Tidy(out)
	if err != nil || !bytes.Equal(again, out) {
		t.Errorf("tidying twice changes it: %v", err)
	}
	if _, err := Tidy([]byte("{")); err == nil {
		t.Error("half a notebook is a notebook")
	}
}

// A clone is found from below; anywhere else says what to do.
func TestFind(t *testing.T) {
	l, err := Find(".", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(l.Repo, "notebooks")); err != nil {
		t.Error(err)
	}
	if _, err := Find(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "is not inside a clone of") {
		t.Errorf("error %v", err)
	}
}

// A port in use is refused if it was asked for, and passed over if not.
func TestFreePort(t *testing.T) {
	c, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer c.Close()
	used := c.Addr().(*net.TCPAddr).Port
	if _, err := freePort("127.0.0.1", used); err == nil || !strings.Contains(err.Error(), "--port") {
		t.Errorf("error %v", err)
	}
	if _, err := freePort("300.1.1.1", used); err == nil || !strings.Contains(err.Error(), "300.1.1.1 is no address of this machine") {
		t.Errorf("error %v", err)
	}
	if p, err := freePort("127.0.0.1", 0); err != nil || p < 8888 {
		t.Errorf("port %d, error %v", p, err)
	}
}

// A step that was done is skipped until its versions change, and one that failed is done again.
func TestStep(t *testing.T) {
	l := &Lab{Repo: t.TempDir(), Log: &bytes.Buffer{}}
	if err := os.Mkdir(l.dot(), 0o755); err != nil {
		t.Fatal(err)
	}
	done := 0
	step := func(stamp string, err error) error {
		return l.step("a step", stamp, func() bool { return true }, func() error { done++; return err })
	}
	if err := step("1", os.ErrInvalid); err == nil || done != 1 {
		t.Errorf("error %v after %d", err, done)
	}
	for range 2 {
		if err := step("1", nil); err != nil {
			t.Fatal(err)
		}
	}
	if done != 2 {
		t.Errorf("done %d times, want 2", done)
	}
	if err := step("2", nil); err != nil || done != 3 {
		t.Errorf("error %v, done %d times, want 3", err, done)
	}
}

// Without Python the message says what to install, and names Docker.
func TestNoPython(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	l := &Lab{Repo: t.TempDir(), Log: &bytes.Buffer{}}
	err := l.virtualEnvironment(context.Background())
	if err == nil || !strings.Contains(err.Error(), "install Python 3.10") || !strings.Contains(err.Error(), "docker build") {
		t.Errorf("error %v", err)
	}
}

// A notebook that is not there is said so, before anything runs.
func TestExecuteMissing(t *testing.T) {
	l := &Lab{Repo: t.TempDir(), Log: &bytes.Buffer{}}
	if err := l.Execute(context.Background(), "nowhere.ipynb", false); err == nil || !strings.Contains(err.Error(), "there is no notebook nowhere.ipynb") {
		t.Errorf("error %v", err)
	}
}

// What is no notebook is refused in a sentence, and one of the clone is found by its name alone.
func TestNotebook(t *testing.T) {
	l := &Lab{Repo: t.TempDir(), Log: &bytes.Buffer{}}
	dir := filepath.Join(l.Repo, "notebooks")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"good.ipynb": `{"cells":[]}`, "half.ipynb": `{"cells":[`, "other.ipynb": `{}`, "good.json": `{"cells":[]}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		path, err := l.Notebook(name)
		if name == "good.ipynb" {
			if err != nil || path != filepath.Join(dir, name) {
				t.Errorf("%s: path %s, error %v", name, path, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), name+" is no notebook") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A clone that was moved makes what it needs again, and says so.
func TestMoved(t *testing.T) {
	var log bytes.Buffer
	at := filepath.Join(t.TempDir(), "here")
	done := 0
	step := func(repo string) {
		l := &Lab{Repo: repo, Log: &log}
		if err := os.MkdirAll(l.dot(), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := l.step("a step", "1", func() bool { return true }, func() error { done++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	step(at)
	if step(at); done != 1 || strings.Contains(log.String(), "again") {
		t.Errorf("done %d times in one place: %s", done, &log)
	}
	if err := os.Rename(at, at+"-now"); err != nil {
		t.Fatal(err)
	}
	if step(at + "-now"); done != 2 || !strings.Contains(log.String(), "is made again") {
		t.Errorf("done %d times after the move: %s", done, &log)
	}
}

// Of a cell that failed, its number, its first line and its own words are told, and not how the program came to its end.
func TestComplaint(t *testing.T) {
	cell := func(source string, outputs ...string) string {
		return fmt.Sprintf(`{"cells": [{"source": ["fmt.Println()"], "execution_count": 1, "outputs": []},
			{"source": [%q], "execution_count": 2, "outputs": [%s]}, {"source": "later", "outputs": []}]}`, source, strings.Join(outputs, ","))
	}
	const printed = `{"output_type": "stream", "name": "stdout", "text": ["a line before\n"]}`
	const status = `{"output_type": "error", "ename": "ERROR", "evalue": "exit status 1", "traceback": ["exit status 1"]}`
	for _, c := range []struct{ notebook, want string }{
		{cell("%%\nnb.Check(err)", printed, `{"output_type": "stream", "name": "stderr", "text": ["the sentence alone\n", "exit status 1\n"]}`, status),
			`cell [2], which begins with "nb.Check(err)", failed: the sentence alone`},
		{cell("%% panic", `{"output_type": "stream", "name": "stderr", "text": "panic: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t [[ Cell [1] Line 3 ]] main.go:8\nexit status 2"}`, status),
			`cell [2], which begins with "panic", failed: panic: index out of range (line 3 of cell [1])`},
		{cell("f()", `{"output_type": "error", "evalue": "# gonb_1\n./main.go:7:23: undefined: y\n", "traceback": ["# gonb_1", "Cell[2]: Line 3\nfunc f() int { return y }\n\nundefined: y"]}`),
			`cell [2], which begins with "f()", failed: undefined: y (line 3 of cell [2])`},
		{cell("f()", `{"output_type": "error", "evalue": "/tmp/gonb_1/main.go:3:1: expected declaration, found f", "traceback": ["Cell[2]: Line 1\nf()"]}`),
			`cell [2], which begins with "f()", failed: expected declaration, found f: begin a cell that does something with a line %% (line 1 of cell [2])`},
		{cell("a.Do()", `{"output_type": "error", "evalue": "failed to run \"go get\": exit status 1\n\ngo: gonb_1 imports\n\ta: cannot find module providing package a\n\n-------\nNote: more", "traceback": []}`),
			`cell [2], which begins with "a.Do()", failed: a: cannot find module providing package a: a kernel fetches nothing, so add it to the module by go get, and start the kernel again`},
		{cell("%%", printed, status), `cell [2], which begins with "", failed: exit status 1`},
		{cell("%%", printed), ""},
		{"no notebook", ""},
	} {
		if got := complaint([]byte(c.notebook)); got != c.want {
			t.Errorf("it said %q, want %q", got, c.want)
		}
	}
}

// A reader works on copies: what runs in one changes no file of git, a new version reaches a copy whose cells are as they were, and one
// with cells of the reader's own is left alone.
func TestCopies(t *testing.T) {
	repo := t.TempDir()
	var said bytes.Buffer
	l := &Lab{Repo: repo, Log: &said}
	path := func(name string) string { return filepath.Join(repo, "notebooks", name) }
	write := func(name, cell, output string) {
		t.Helper()
		text := fmt.Sprintf(`{"cells": [{"cell_type": "code", "source": ["%s"], "outputs": ["%s"]}], "metadata": {}}`, cell, output)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path(name)), 0o755), os.WriteFile(path(name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	copies := func() (a, b string) {
		t.Helper()
		said.Reset()
		if err := l.Copies(); err != nil {
			t.Fatal(err)
		}
		x, errX := os.ReadFile(path("my-a.ipynb"))
		y, errY := os.ReadFile(path("my-b.ipynb"))
		if err := errors.Join(errX, errY); err != nil {
			t.Fatal(err)
		}
		return string(x), string(y)
	}
	write("a.ipynb", "one", "")
	write("b.ipynb", "one", "")
	copies()
	record, before := filepath.Join(repo, "notebooks", ".copies.json"), l.dot("copies.json") // where it was once
	if err := errors.Join(os.MkdirAll(l.dot(), 0o755), os.Rename(record, before)); err != nil {
		t.Fatal(err)
	}
	write("my-a.ipynb", "one", "what it put out") // was run
	write("my-b.ipynb", "mine", "")               // and changed
	if a, b := copies(); !strings.Contains(a, "what it put out") || !strings.Contains(b, "mine") || said.Len() > 0 {
		t.Errorf("without a new version the copies are %s and %s; it said %s", a, b, &said)
	}
	write("a.ipynb", "two", "")
	write("b.ipynb", "two", "")
	if a, b := copies(); !strings.Contains(a, "two") || !strings.Contains(b, "mine") || !strings.Contains(said.String(), "my-a.ipynb is the new one") || !strings.Contains(said.String(), "my-b.ipynb has cells of your own: it stays") {
		t.Errorf("of a new version the copies are %s and %s; it said %s", a, b, &said)
	}
	if text, err := os.ReadFile(path("a.ipynb")); err != nil || !strings.Contains(string(text), "two") {
		t.Errorf("the original is %s, error %v", text, err)
	}
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	write("a.ipynb", "three", "")
	if a, b := copies(); !strings.Contains(a, "two") || !strings.Contains(b, "mine") {
		t.Errorf("what nobody knows of was overwritten: %s and %s", a, b)
	}
}

// What a kernel is warmed up with is there, and has all that the notebooks import.
func TestLibraries(t *testing.T) {
	l, err := Find(".", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.libraries()
	if err != nil {
		t.Fatal(err)
	}
	notebooks, err := filepath.Glob(filepath.Join(l.Repo, "notebooks", "*.ipynb"))
	if err != nil || len(notebooks) == 0 {
		t.Fatalf("%d notebooks, error %v", len(notebooks), err)
	}
	imported := regexp.MustCompile(regexp.QuoteMeta(Module) + `/safex[a-z/]*`)
	for _, path := range notebooks {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range imported.FindAllString(string(text), -1) {
			if !slices.Contains(got, p) {
				t.Errorf("%s imports %s, with which no kernel is warmed up", filepath.Base(path), p)
			}
		}
	}
	for _, p := range got {
		if strings.Contains(p, "/internal") || strings.HasSuffix(p, "test") {
			t.Errorf("no cell can use %s", p)
		}
	}
}
