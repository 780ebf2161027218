package retake

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A run that begins with a log, without a random step, is taken again from its folder alone.
func TestLogs(t *testing.T) {
	p := tasks.DefaultPendulum()
	p.Steps = 40
	s, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	src := rng.New(1)
	e, err := s.Simulate(s.ColouredPolicy(0.9, 0.5, src.Child("act")), src)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("cos,sin,omega,torque\n")
	for i, u := range e.Actions {
		x := e.States[i]
		fmt.Fprintf(&b, "%v,%v,%v,%v\n", x[0], x[1], x[2], u[0])
	}
	path := filepath.Join(t.TempDir(), "log.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{nil, {"filter=on"}} {
		dir := finished(t, quick.Spec(t, append(more, "explore=0", "log="+path)...))
		r := opened(t, dir, 1, 2)
		steps := taken(t, r)
		if len(steps) != 16 {
			t.Errorf("%d plans made again, want 16", len(steps))
		}
		if _, err := r.Real(steps[0]); err != nil {
			t.Error(err)
		}
	}
}
