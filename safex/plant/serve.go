package plant

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// HelloOf is what a process says that is a plant of s.
func HelloOf(s *safex.System) Hello {
	h := Hello{Safex: Version, Dt: s.Dt}
	for _, v := range s.State {
		h.State = append(h.State, v.Name)
	}
	for _, v := range s.Action {
		h.Action = append(h.Action, v.Name)
	}
	return h
}

// Serve lets p answer the requests that come from in, as a process does that speaks the protocol: a program in Go serves its plant on os.Stdin and
// os.Stdout. It says h first, and returns when it is asked to close, or when in ends. What p cannot do is said to who asked, and is no error of Serve.
func Serve(ctx context.Context, in io.Reader, out io.Writer, h Hello, p safex.Plant) error {
	defer p.Close()
	w := bufio.NewWriter(out)
	say := func(v any) error {
		if err := encode.Lines(w, v); err != nil {
			return fmt.Errorf("plant: %w", err)
		}
		return w.Flush()
	}
	h.Safex = Version
	if h.Repeats = safex.Repeats(p); ctx.Err() != nil {
		return ctx.Err()
	}
	if err := say(h); err != nil {
		return err
	}
	r := bufio.NewScanner(in)
	r.Buffer(make([]byte, 0, 4096), longest)
	for r.Scan() {
		var q request
		var a answer
		err := decode(r.Bytes(), &q)
		switch {
		case err != nil:
			err = fmt.Errorf("a request is %s: %w", short(r.Bytes()), err)
		case q.Close:
			return nil
		case q.Reset != nil:
			a.State, err = p.Reset(ctx, q.Reset.Seed)
		case len(q.Step) != len(h.Action):
			err = fmt.Errorf("a request is %s, want a reset, a step of %d actions, or to close", short(r.Bytes()), len(h.Action))
		default:
			var came safex.Answer
			came, err = p.Step(ctx, q.Step)
			a = answer{State: came.State, Terminated: came.End == safex.Terminated, Truncated: came.End == safex.Truncated, Why: came.Why}
		}
		if err == nil && a.State == nil {
			err = errors.New("there is no state")
		}
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := say(a); err != nil {
			return err
		}
	}
	return r.Err()
}
