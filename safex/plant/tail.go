package plant

import (
	"fmt"
	"strings"
	"sync"
)

// A tail keeps the end of what a process says on standard error. It is safe for concurrent use.
type tail struct {
	lock sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	const most = 4096
	if t.text = append(t.text, p...); len(t.text) > most {
		t.text = append([]byte(nil), t.text[len(t.text)-most:]...)
	}
	return len(p), nil
}

// last is the last line, as the end of a sentence; "" if there is none. Of Python it is the error itself.
func (t *tail) last() string {
	t.lock.Lock()
	defer t.lock.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	if line := strings.TrimSpace(lines[len(lines)-1]); line != "" {
		return fmt.Sprintf("; its last words: %s", line)
	}
	return ""
}
