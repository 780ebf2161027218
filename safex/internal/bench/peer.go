package bench

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// programs are what runs in Python: talk.py is put before each of the others.
//
//go:embed peers/*.py
var programs embed.FS

// errPeer is the error of a peer that is not there or gave up: the others go on.
var errPeer = errors.New("bench: no peer")

// unable is one sentence about a peer that is left out.
func unable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errPeer, fmt.Sprintf(format, args...))
}

// why is the sentence of an error of unable.
func why(err error) string { return strings.TrimPrefix(err.Error(), errPeer.Error()+": ") }

// A peer is a process that answers each line with a line.
type peer struct {
	name    string
	install string // the packages that pip has to install
	python  string
	patient time.Duration // with each answer

	versions map[string]string // of what it measures

	in    io.WriteCloser
	lines chan string // without the last, which told of the end
	ended chan error  // of the process, once
	said  tail
	stop  context.CancelFunc
}

// longest is how long a line of an answer may be: more is no answer of ours.
const longest = 1 << 16

// open starts a program of the folder peers, and waits until it has told its versions. The arguments are its own.
func (p *peer) open(ctx context.Context, program string, args ...string) error {
	talk, err := programs.ReadFile("peers/talk.py")
	if err != nil {
		return err
	}
	text, err := programs.ReadFile("peers/" + program + ".py")
	if err != nil {
		return err
	}
	ctx, p.stop = context.WithCancel(ctx)
	c := exec.CommandContext(ctx, p.python, append([]string{"-c", string(talk) + "\n" + string(text), program}, args...)...)
	c.Env = append(os.Environ(), "PYTHONSAFEPATH=1", "PYTHONWARNINGS=ignore") // a file of the working folder is no module
	c.WaitDelay = time.Second
	c.Stderr = &p.said
	out, in := io.Pipe()
	c.Stdout = in
	if p.in, err = c.StdinPipe(); err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		p.stop()
		return unable("%s is left out: there is no Python as %q; name one by --python", p.name, p.python)
	}
	p.lines, p.ended = make(chan string), make(chan error, 1)
	go func() {
		p.ended <- c.Wait()
		in.Close()
	}()
	go func() {
		defer close(p.lines)
		r := bufio.NewReaderSize(out, longest)
		for {
			line, err := r.ReadSlice('\n')
			if len(line) > 0 {
				select {
				case p.lines <- string(line):
				case <-ctx.Done():
				}
			}
			if err == bufio.ErrBufferFull { // what follows is not asked for
				io.Copy(io.Discard, out)
			}
			if err != nil {
				return
			}
		}
	}()
	var hello struct {
		Versions map[string]string `json:"versions"`
	}
	if err := p.read(ctx, p.patient, &hello); err != nil {
		p.close()
		return err
	}
	p.versions = hello.Versions
	return nil
}

// close ends the process. Its requests end after it: at their end it would go on to what it does last.
func (p *peer) close() {
	p.stop()
	for range p.lines { // so that it can end
	}
	p.in.Close()
}

// ask asks for one answer, which may take so much longer than others.
func (p *peer) ask(ctx context.Context, longer time.Duration, request, into any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	p.in.Write(append(text, '\n')) // a process that is gone is found so by its answer
	return p.read(ctx, p.patient+longer, into)
}

// read reads an answer.
func (p *peer) read(ctx context.Context, patient time.Duration, into any) error {
	late := time.NewTimer(patient)
	defer late.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-late.C:
		return unable("%s is left out: it did not answer within %v; the machine may be busy", p.name, patient)
	case line, ok := <-p.lines:
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if !ok {
			end := "no answer"
			if err := <-p.ended; err != nil {
				end = err.Error()
			}
			if last := p.said.last(); last != "" {
				end += ": " + last
			}
			return unable("%s is left out: %s ended with %s", p.name, p.python, end)
		}
		return p.understand(line, into)
	}
}

// understand takes a line apart.
func (p *peer) understand(line string, into any) error {
	var told struct{ Missing, Error string }
	d := json.NewDecoder(strings.NewReader(line))
	err := d.Decode(&told)
	switch {
	case err == nil && told.Missing != "":
		return unable("%s is left out: %s has no module %s; install it by: %s -m pip install %s", p.name, p.python, told.Missing, p.python, p.install)
	case err == nil && told.Error != "":
		return unable("%s is left out: it failed with %s", p.name, told.Error)
	case err == nil:
		err = json.Unmarshal([]byte(line), into)
	}
	if err != nil {
		return unable("%s is left out: it answered %.60q, which is not what was asked for", p.name, strings.TrimSpace(line))
	}
	return nil
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, text...)
	if n := len(t.text); n > 4096 {
		t.text = bytes.Clone(t.text[n-4096:])
	}
	return len(text), nil
}

// last is the last line that is not empty.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
