package bench

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// alone are settings of a start and a memory of a command.
func alone(command string) Settings {
	s := tiny()
	s.Widths, s.FitWidths, s.Plans, s.Series = nil, nil, nil, nil
	s.Command, s.Starts, s.Episodes, s.Look = command, 2, 20, 5*time.Millisecond
	return s
}

// acts is a command that starts, and whose run completes episodes one by one.
const acts = `[ "$1" = train ] || exit 0
while [ $# -gt 0 ]; do [ "$1" = --out ] && dir=$2; [ "$1" = --episodes ] && n=$2; shift; done
mkdir -p $dir; for i in $(seq $n); do echo x >>$dir/episodes.jsonl; sleep 0.02; done`

// The command is started, and its memory seen in each part of its episodes.
func TestProcess(t *testing.T) {
	s := alone(fake(t, acts))
	rows, err := s.Measure(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if rows[1].What != starts || rows[1].Task != "version" || rows[2].Task != "--help" || !(rows[1].P50 > 0) || rows[1].Repetitions != 2 {
		t.Errorf("%+v", rows[:3])
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		if len(rows) != 3 {
			t.Errorf("%+v where nothing tells the memory", rows)
		}
		t.Skip("only Linux tells how much memory a process has resident")
	}
	last := 0
	for _, r := range rows[3:] {
		if r.What != memories || r.Size() <= last || r.Size() > s.Episodes || !(r.MB > 0.1 && r.MB < 1000) {
			t.Errorf("%+v", r)
		}
		last = r.Size()
	}
	if n := len(rows) - 3; n < 2 || n > windows || len(rows) > s.Count() {
		t.Errorf("%d rows of memory", n)
	}
	var b strings.Builder
	if err := Table(&b, rows); err != nil || !strings.Contains(b.String(), "safex --help") || !strings.Contains(b.String(), "Memory: ") {
		t.Errorf("error %v\n%s", err, b.String())
	}
}

// A command that fails says so in one sentence, and one that is cancelled ends.
func TestProcessFails(t *testing.T) {
	for script, want := range map[string]string{
		`echo no >&2; exit 1`: "python version: exit status 1: no",
		`[ "$1" = train ] || exit 0; echo "disk full" >&2; exit 1`: "python train: exit status 1: disk full",
	} {
		if _, err := alone(fake(t, script)).Measure(context.Background(), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := alone(fake(t, `[ "$1" = train ] || exit 0; exec sleep 60`)).Measure(ctx, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 30*time.Second {
		t.Errorf("error %v", err)
	}
	if _, err := alone("no-such-command-of-safex").Measure(context.Background(), nil); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}
