package live

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rischiboy/safe_exploration/safex/nb"
)

// A Session is a Widget that is being shown.
type Session struct {
	widget  Widget
	display nb.Display
	server  *http.Server // nil where nobody is watching
	token   string
	host    string // and port that a page has to ask

	ctx    context.Context
	cancel context.CancelFunc

	looking sync.Mutex // one View at a time

	lock    sync.Mutex
	at      Values    // of the last view
	view    *View     // the last
	asked   bool      // by a page, at least once
	touched bool      // by a hand, at least once
	last    time.Time // of the last touch
	queued  bool      // it ended as other cells wait
	done    chan struct{}
	once    sync.Once
}

// Open begins to show a widget below the cell, and returns at once; Close ends it. Where nobody is watching nothing is shown before then.
func Open(w Widget) (*Session, error) {
	if err := w.fault(); err != nil {
		return nil, err
	}
	if w.Waits == (Waits{}) {
		w.Waits = DefaultWaits()
	}
	s := &Session{widget: w, at: w.start(), done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(nb.Context())
	if err := s.look(s.ctx, s.at); err != nil {
		s.cancel()
		return nil, err
	}
	if nb.Attended() {
		err := s.serve()
		if errors.Is(err, syscall.EADDRINUSE) { // another cell has the address that is shared: there is the picture alone
			return s, nil
		}
		if err != nil {
			s.cancel()
			return nil, err
		}
		s.display.HTML(s.frame())
	}
	return s, nil
}

// look makes the view of some values the last one.
func (s *Session) look(ctx context.Context, at Values) error {
	s.looking.Lock()
	defer s.looking.Unlock()
	if err := ctx.Err(); err != nil { // whoever asked is gone
		return err
	}
	v, err := s.widget.View(ctx, at)
	if err != nil {
		return err
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.at, s.view = at, v
	return nil
}

// sharedAt is the environment variable of an address that a container shares, as 0.0.0.0:8889, so that a browser outside of it finds the
// page at that port of its own machine. One cell at a time can have it.
const sharedAt = "SAFEX_LIVE"

// serve listens on this machine alone, on a port that is free, unless an address is shared.
func (s *Session) serve() error {
	l, err := net.Listen("tcp", cmp.Or(os.Getenv(sharedAt), "127.0.0.1:0"))
	if err != nil {
		return fmt.Errorf("live: no port to listen on: %w", err)
	}
	s.listen(l)
	return nil
}

// listen answers pages that know the token.
func (s *Session) listen(l net.Listener) {
	s.host, s.token = l.Addr().String(), strings.ToLower(rand.Text())
	if a, ok := l.Addr().(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		s.host = fmt.Sprint("127.0.0.1:", a.Port) // as a page sees it
	}
	s.server = &http.Server{
		Handler: s.handler(), BaseContext: func(net.Listener) context.Context { return s.ctx },
		ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10, ErrorLog: silent,
	}
	go s.server.Serve(l)
}

// frame is what the cell shows: a window on the page, and what tells the page how many cells wait for this one. It can tell in
// JupyterLab and Jupyter Notebook, whose cells that run or wait are marked by a star.
func (s *Session) frame() string {
	return fmt.Sprintf(`<iframe src="http://%[1]s/%[2]s/" title="%[3]s" style="width:100%%;max-width:1040px;height:%[4]dpx;border:0"></iframe>
<script>
(() => {
	const frame = document.querySelector('iframe[src="http://%[1]s/%[2]s/"]'), notebook = frame && frame.closest('.jp-Notebook');
	if (!notebook) return;
	const timer = setInterval(() => {
		if (!frame.isConnected) return clearInterval(timer);
		const stars = [...notebook.querySelectorAll('.jp-InputArea-prompt')].filter(p => p.textContent.includes('*'));
		frame.contentWindow.postMessage({waiting: stars.length - 1}, 'http://%[1]s');
	}, 300);
})();
</script>`, s.host, s.token, escape(s.widget.Name), s.tall())
}

// Wait returns when the widget is done with: by the button of the page, by the notebook's stop button, after its Waits, or, if no
// hand has touched it, when other cells wait for this one, as after Run All.
func (s *Session) Wait() {
	if s.server == nil {
		return
	}
	began, kernel := time.Now(), os.Getppid()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-s.ctx.Done():
		case <-s.done:
		case <-tick.C:
			if os.Getppid() != kernel { // it has gone away, and nobody can be told anything
				os.Exit(1)
			}
			if s.waiting(began, time.Now()) {
				continue
			}
		}
		tick.Stop()
		return
	}
}

// waiting tells whether a hand may still come, of a session that began at a time.
func (s *Session) waiting(began, now time.Time) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	switch w := s.widget.Waits; {
	case s.touched:
		return now.Sub(s.last) < w.Idle
	case s.asked:
		return now.Sub(began) < w.Touch
	default:
		return now.Sub(began) < w.Page
	}
}

// Done is closed when the page's button was pressed.
func (s *Session) Done() <-chan struct{} { return s.done }

// Close ends the page, leaves a still picture of the last view in its place, and returns where the controls were left.
func (s *Session) Close() Values {
	s.Leave(s.end())
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.queued {
		nb.Text("*As other cells waited, this one did not wait for a hand: run it by itself to move it.*")
	}
	return s.at
}

// Leave ends the page, and leaves a drawing in its place.
func (s *Session) Leave(d nb.Drawing) {
	s.end()
	s.display.Show(d)
}

// end ends the page, and returns the last view.
func (s *Session) end() *View {
	s.cancel()
	if s.server != nil {
		s.server.Close()
	}
	s.looking.Lock() // a view that is under way sees that its context ended
	defer s.looking.Unlock()
	return s.view
}
