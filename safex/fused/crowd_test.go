package fused

import (
	"testing"
	"time"
)

// Others are noticed while threads are preempted often, and forgotten when they no longer are; a few preemptions over a long time are nobody.
func TestCrowd(t *testing.T) {
	var n int64
	c := crowd{preemptions: func() int64 { return n }}
	look := func(after time.Duration, more int64) bool {
		n += more
		c.looked.Store(int64(time.Since(born) - after))
		return c.about()
	}
	for _, s := range []struct {
		after time.Duration
		more  int64
		want  bool
	}{
		{lookEvery, 0, false}, {lookEvery, 9, true}, {lookEvery / 2, 0, true}, // too early to look again
		{2 * lookEvery, 1, false}, {time.Second, 20, false}, {time.Second, 500, true}, {lookEvery, 0, false},
	} {
		if got := look(s.after, s.more); got != s.want {
			t.Errorf("%d more preemptions after %v: %v, want %v", s.more, s.after, got, s.want)
		}
	}
}

// Where others are about nobody looks out for what may happen, and what has happened is seen.
func TestWatchGivesWay(t *testing.T) {
	defer func() { others = crowd{preemptions: preemptions} }()
	looks := 0
	happened := func() bool { looks++; return false }
	others = crowd{preemptions: func() int64 { return 1 << 20 }}
	others.looked.Store(int64(time.Since(born) - lookEvery))
	if watch(happened) || looks != 1 {
		t.Errorf("among others it looked %d times, want 1", looks)
	}
	if !watch(func() bool { return true }) {
		t.Error("what has happened was not seen")
	}
	others = crowd{preemptions: func() int64 { return 0 }}
	looks = 0
	if watch(happened) || looks < 100 {
		t.Errorf("alone it looked %d times, want more", looks)
	}
}
