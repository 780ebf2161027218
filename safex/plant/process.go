package plant

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/internal/group"
)

// A Process is a plant that is another program, which speaks the protocol of this package.
type Process struct {
	Command string  // as in a shell: words, of which quotes keep spaces; it is run in the present folder, and no shell sees it
	Timeout float64 // s that a step may take
	Startup float64 // s until it says what it is, and that a reset may take
}

// DefaultProcess gives a step 10 s, and a start a minute: Python that loads a simulator takes several seconds on a busy machine.
func DefaultProcess(command string) Process {
	return Process{Command: command, Timeout: 10, Startup: 60}
}

// Check reports the first setting that is out of range.
func (p Process) Check() error {
	if words, err := split(p.Command); err != nil {
		return fmt.Errorf("plant %s: %w", p.Command, err)
	} else if len(words) == 0 {
		return errors.New("plant: there is no Command: want one as in 'python3 my_system.py'")
	}
	if !(p.Timeout > 0 && p.Timeout <= most) || !(p.Startup > 0 && p.Startup <= most) {
		return fmt.Errorf("plant: Timeout is %v and Startup %v, want seconds above 0 and at most %v", p.Timeout, p.Startup, float64(most))
	}
	return nil
}

// most is the longest time that anybody waits, in s: a day.
const most = 24 * 60 * 60

// Open starts the process, and refuses one that says to be another system than s: of other names, or another Dt.
func (p Process) Open(ctx context.Context, s *safex.System) (safex.Plant, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	c, err := p.start()
	if err != nil {
		return nil, err
	}
	if err := c.greet(ctx, s); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

// A child is a process that runs.
type child struct {
	Process
	command *exec.Cmd
	in      io.WriteCloser
	lines   chan []byte   // that it says
	ended   chan struct{} // closed when it has ended, and outcome is set
	outcome error         // of waiting for it
	said    *tail         // on standard error
	closed  chan struct{} // closed by end: nobody listens any more
	hello   Hello
	broken  error // of an exchange: there will be no other
}

// longest is how many bytes a line may have.
const longest = 1 << 20

// start starts the process.
func (p Process) start() (*child, error) {
	words, err := split(p.Command)
	if err != nil {
		return nil, err
	}
	c := &child{Process: p, command: exec.Command(words[0], words[1:]...), lines: make(chan []byte, 1), ended: make(chan struct{}), said: &tail{}, closed: make(chan struct{})}
	group.Own(c.command)
	c.command.Stderr = c.said
	c.command.WaitDelay = time.Second
	if c.in, err = c.command.StdinPipe(); err != nil {
		return nil, c.failed("cannot be started: %w", err)
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, c.failed("cannot be started: %w", err)
	}
	if err := c.command.Start(); err != nil {
		return nil, c.failed("cannot be started: %w", err)
	}
	go c.listen(out)
	return c, nil
}

// listen passes on what the process says, until it ends.
func (c *child) listen(out io.Reader) {
	r := bufio.NewScanner(out)
	r.Buffer(make([]byte, 0, 4096), longest)
	for r.Scan() {
		select {
		case c.lines <- slices.Clone(r.Bytes()):
		case <-c.closed:
		}
	}
	if errors.Is(r.Err(), bufio.ErrTooLong) {
		select {
		case c.lines <- nil:
		case <-c.closed:
		}
		io.Copy(io.Discard, out)
	}
	c.outcome = c.command.Wait()
	close(c.ended)
}

// failed is an error that names the process.
func (c *child) failed(format string, args ...any) error {
	return fmt.Errorf("plant %s: %w", c.Command, fmt.Errorf(format, args...))
}

// greet hears what the process is. Libraries that it loads may greet as well, in prose.
func (c *child) greet(ctx context.Context, s *safex.System) error {
	began, prose := time.Now(), ""
	for {
		line, err := c.line(ctx, "its start", c.Startup-time.Since(began).Seconds(), "Startup")
		if err != nil {
			return fmt.Errorf("%w%s", err, prose)
		}
		if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) {
			prose = fmt.Sprintf("; it said %s, which is no greeting in JSON", short(line))
			continue
		}
		if err := decode(line, &c.hello); err != nil {
			return c.failed("its greeting is %s: %w", short(line), err)
		}
		break
	}
	if c.hello.Error != "" {
		return c.failed("%s", c.hello.Error)
	}
	if c.hello.Safex != Version {
		return c.failed(`it speaks version %d of the protocol, and this is %d: want it to begin with {"safex": %d, …}`, c.hello.Safex, Version, Version)
	}
	for _, part := range []struct {
		what string
		says []string
		want []safex.Var
	}{{"state", c.hello.State, s.State}, {"action", c.hello.Action, s.Action}} {
		var want []string
		for _, v := range part.want {
			want = append(want, v.Name)
		}
		if !slices.Equal(part.says, want) {
			return c.failed("its %s is %s, and that of task %q is %s: want the same names in the same order", part.what, list(part.says), s.Name, list(want))
		}
	}
	if !(math.Abs(c.hello.Dt-s.Dt) <= 1e-9*s.Dt) {
		return c.failed("its steps take %v s, and those of task %q %v s: change one of them", c.hello.Dt, s.Name, s.Dt)
	}
	return nil
}

// list is names, or a word for none.
func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// Repeats implements safex.Repeater.
func (c *child) Repeats() bool { return c.hello.Repeats }

// Reset implements safex.Plant.
func (c *child) Reset(ctx context.Context, seed uint32) ([]float64, error) {
	a, err := c.ask(ctx, "a reset", request{Reset: &reset{seed}}, c.Startup, "Startup")
	return a.State, err
}

// Step implements safex.Plant.
func (c *child) Step(ctx context.Context, u []float64) (safex.Answer, error) {
	a, err := c.ask(ctx, "a step", request{Step: u}, c.Timeout, "Timeout")
	end := safex.End("")
	switch { // as Gymnasium, where both may be said at once: the system's own end is the stronger
	case a.Terminated:
		end = safex.Terminated
	case a.Truncated:
		end = safex.Truncated
	}
	return safex.Answer{State: a.State, End: end, Why: a.Why}, err
}

// ask sends a request and hears its answer. After an error there is no other: what comes later may be the answer to this.
func (c *child) ask(ctx context.Context, what string, r request, seconds float64, setting string) (a answer, err error) {
	if c.broken != nil {
		return a, c.broken
	}
	defer func() {
		if err != nil {
			c.broken = err
			c.end()
		}
	}()
	select {
	case line := <-c.lines:
		return a, c.failed("it said %s, and nothing was asked: standard output is for answers alone, everything else belongs to standard error", short(line))
	default:
	}
	line, err := encode.JSON(r)
	if err != nil {
		return a, c.failed("%w", err)
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return a, c.gone("before " + what)
	}
	if err := c.hear(ctx, what, seconds, setting, &a); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, c.failed("%s", a.Error)
	}
	if a.State == nil {
		return a, c.failed(`it answered %s without a "state"`, what)
	}
	return a, nil
}

// hear waits for a line that answers what, and decodes it into v.
func (c *child) hear(ctx context.Context, what string, seconds float64, setting string, v any) error {
	line, err := c.line(ctx, what, seconds, setting)
	if err != nil {
		return err
	}
	if err := decode(line, v); err != nil {
		return c.failed("its answer to %s is %s: %w; standard output is for answers in JSON alone, everything else belongs to standard error", what, short(line), err)
	}
	return nil
}

// line waits for a line that answers what.
func (c *child) line(ctx context.Context, what string, seconds float64, setting string) (line []byte, err error) {
	late := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer late.Stop()
	select {
	case line = <-c.lines:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, c.failed("it did not answer %s within %v s%s: it hangs, or needs longer, as with plant.%s=%v", what, c.setting(setting), c.said.last(), setting, 6*c.setting(setting))
	case <-c.ended:
		select {
		case line = <-c.lines: // its last
		default:
			return nil, c.gone("before it answered " + what)
		}
	}
	if line == nil {
		return nil, c.failed("its answer to %s is longer than %d bytes: a state is a few numbers", what, longest)
	}
	return line, nil
}

// setting is the time of that name, in s.
func (p Process) setting(name string) float64 {
	if name == "Startup" {
		return p.Startup
	}
	return p.Timeout
}

// gone is the error of a process that has ended, with its last words.
func (c *child) gone(when string) error {
	select {
	case <-c.ended:
	case <-time.After(2 * time.Second): // it only closed its input
		return c.failed("it does not listen any more, %s%s", when, c.said.last())
	}
	how := "without an error"
	if c.outcome != nil {
		how = c.outcome.Error()
	}
	return c.failed("it ended %s (%s)%s", when, how, c.said.last())
}

// Close asks the process to end, and ends it if it does not.
func (c *child) Close() error {
	if line, err := encode.JSON(request{Close: true}); err == nil && c.broken == nil {
		c.in.Write(append(line, '\n'))
	}
	c.in.Close()
	select {
	case <-c.ended:
	case <-time.After(patience):
	}
	c.end()
	return nil
}

// patience is how long a process may take to end.
const patience = 3 * time.Second

// end ends the process at once.
func (c *child) end() {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	c.in.Close()
	select {
	case <-c.ended:
	default:
		group.Kill(c.command)
		<-c.ended
	}
}

// short is a line, cut where it would be too long for a sentence.
func short(line []byte) string {
	const most = 120
	if len(line) > most {
		return fmt.Sprintf("%q…", line[:most])
	}
	return fmt.Sprintf("%q", line)
}
