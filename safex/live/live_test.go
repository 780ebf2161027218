package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex/fig"
)

// shown is a session of a widget that a page can ask, without a notebook.
func shown(t *testing.T, w Widget) *Session {
	t.Helper()
	s, err := Open(w)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	s.listen(l)
	t.Cleanup(func() { s.Close() })
	return s
}

// doubled shows twice its number.
func doubled(views *int) Widget {
	return Widget{
		Name: "double",
		Controls: []Control{
			{Name: "a", Label: "a number", Min: -1, Max: 2, Step: 0.5, Start: []float64{1}},
			{Name: "many", Min: 0, Max: 1, Step: 0.1, Start: []float64{0, 1}},
		},
		View: func(_ context.Context, at Values) (*View, error) {
			if views != nil {
				*views++
			}
			return &View{
				Panels: []fig.Panel{{Label: "y", Lines: []fig.Line{{X: []float64{0, 1, 2}, Y: []float64{0, 2 * at.One("a"), math.NaN()}}}}},
				Axis:   "x", Notes: []string{"a note"},
			}, nil
		},
	}
}

// request is what a page, or somebody else, sends; change may alter it.
func request(t *testing.T, s *Session, method, name, body string, change func(*http.Request)) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+s.host+"/"+s.token+"/"+name, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "http://"+s.host)
	if change != nil {
		change(r)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(text)
}

const good = `{"Values":{"a":[1.5],"many":[0.5,0.25]},"Hand":true}`

// A page gets the view of where its controls are, and the cell knows of the hand.
func TestAnswer(t *testing.T) {
	s := shown(t, doubled(nil))
	for _, name := range []string{"", "page.js", "widget"} {
		if status, text := request(t, s, "GET", name, "", nil); status != 200 || text == "" {
			t.Errorf("%q: status %d of %d bytes", name, status, len(text))
		}
	}
	status, text := request(t, s, "POST", "view", good, nil)
	var got struct{ View viewed }
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
		t.Fatalf("status %d, error %v: %s", status, err, text)
	}
	if y := got.View.Panels[0].Lines[0].Y; len(y) != 3 || y[1] != 3 || !strings.Contains(text, "[0,3,null]") {
		t.Errorf("the view is %s", text)
	}
	if at := s.Close(); at.One("a") != 1.5 || !slices.Equal(at["many"], []float64{0.5, 0.25}) || !s.touched {
		t.Errorf("left at %v, touched %v", at, s.touched)
	}
}

// Whatever else comes is refused, shows nothing, and leaves the controls where they were.
func TestRefuse(t *testing.T) {
	views := 0
	s := shown(t, doubled(&views))
	for name, c := range map[string]struct {
		method, name, body string
		change             func(*http.Request)
		want               int
	}{
		"another token":    {"POST", "view", good, func(r *http.Request) { r.URL.Path = "/" + strings.Repeat("a", 26) + "/view" }, 403},
		"no token":         {"POST", "view", good, func(r *http.Request) { r.URL.Path = "/view" }, 403},
		"another name":     {"POST", "view", good, func(r *http.Request) { r.Host = "example.org" }, 403},
		"a foreign page":   {"POST", "view", good, func(r *http.Request) { r.Header.Set("Origin", "http://example.org") }, 404},
		"no origin":        {"POST", "view", good, func(r *http.Request) { r.Header.Del("Origin") }, 404},
		"another method":   {"GET", "view", "", nil, 404},
		"another file":     {"GET", "live.go", "", nil, 404},
		"garbage":          {"POST", "view", "\x00\xff{", nil, 400},
		"nothing":          {"POST", "view", "", nil, 400},
		"NaN":              {"POST", "view", `{"Values":{"a":[NaN],"many":[0,1]}}`, nil, 400},
		"null":             {"POST", "view", `{"Values":{"a":[null],"many":[0,1]}}`, nil, 400},
		"infinite":         {"POST", "view", `{"Values":{"a":[1e999],"many":[0,1]}}`, nil, 400},
		"out of range":     {"POST", "view", `{"Values":{"a":[2.1],"many":[0,1]}}`, nil, 400},
		"too few":          {"POST", "view", `{"Values":{"a":[1],"many":[0]}}`, nil, 400},
		"too many":         {"POST", "view", `{"Values":{"a":[1,1],"many":[0,1]}}`, nil, 400},
		"missing":          {"POST", "view", `{"Values":{"a":[1]}}`, nil, 400},
		"unknown":          {"POST", "view", `{"Values":{"a":[1],"many":[0,1],"b":[0]}}`, nil, 400},
		"a text":           {"POST", "view", `{"Values":{"a":["1"],"many":[0,1]}}`, nil, 400},
		"a field too many": {"POST", "view", `{"Values":{"a":[1],"many":[0,1]},"Run":"x"}`, nil, 400},
		"a flood of bytes": {"POST", "view", `{"Values":{"a":[` + strings.Repeat("1,", 1<<16) + `1]}}`, nil, 400},
	} {
		if status, text := request(t, s, c.method, c.name, c.body, c.change); status != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, status, c.want, text)
		}
	}
	if views != 1 || s.touched {
		t.Errorf("%d views were made, touched %v", views, s.touched)
	}
	if at := s.Close(); at.One("a") != 1 {
		t.Errorf("left at %v", at)
	}
}

// A flood of questions is turned away but for a few at a time, and views do not overlap.
func TestFlood(t *testing.T) {
	var lock sync.Mutex
	inside, most, views := 0, 0, 0
	w := doubled(nil)
	view := w.View
	w.View = func(ctx context.Context, at Values) (*View, error) {
		lock.Lock()
		inside, views = inside+1, views+1
		most = max(most, inside)
		lock.Unlock()
		defer func() { lock.Lock(); inside--; lock.Unlock() }()
		time.Sleep(2 * time.Millisecond)
		return view(ctx, at)
	}
	s := shown(t, w)
	var wait sync.WaitGroup
	refused := make([]bool, 60)
	for i := range refused {
		wait.Go(func() {
			status, _ := request(t, s, "POST", "view", good, nil)
			refused[i] = status == http.StatusTooManyRequests
		})
	}
	wait.Wait()
	answered := 0
	for _, no := range refused {
		if !no {
			answered++
		}
	}
	if most != 1 || answered == 0 || views > answered+1 {
		t.Errorf("%d views side by side, %d made, %d answered", most, views, answered)
	}
}

// An error, or a panic, of a view is said to the page, and the widget goes on.
func TestFailedView(t *testing.T) {
	w := doubled(nil)
	view := w.View
	w.View = func(ctx context.Context, at Values) (*View, error) {
		switch at.One("a") {
		case 0:
			return nil, errors.New("nothing to see at 0")
		case 2:
			panic("too high")
		}
		return view(ctx, at)
	}
	s := shown(t, w)
	for a, want := range map[string]string{"0": "nothing to see at 0", "2": "too high", "1.5": `"view"`} {
		if status, text := request(t, s, "POST", "view", strings.Replace(good, "1.5", a, 1), nil); status != 200 || !strings.Contains(text, want) {
			t.Errorf("at %s: status %d: %s", a, status, text)
		}
	}
	if _, err := png.Decode(bytes.NewReader(still(t, s))); err != nil {
		t.Error(err)
	}
}

func still(t *testing.T, s *Session) []byte {
	t.Helper()
	text, err := s.view.PNG()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Two widgets know nothing of each other, and the token of one opens nothing of the other.
func TestTwo(t *testing.T) {
	a, b := shown(t, doubled(nil)), shown(t, doubled(nil))
	if a.token == b.token || len(a.token) < 26 || a.host == b.host {
		t.Fatalf("tokens %q and %q at %s and %s", a.token, b.token, a.host, b.host)
	}
	request(t, a, "POST", "view", good, nil)
	if status, _ := request(t, b, "POST", "view", good, func(r *http.Request) { r.URL.Path = "/" + a.token + "/view" }); status != 403 {
		t.Errorf("status %d", status)
	}
	if x, y := a.Close(), b.Close(); x.One("a") != 1.5 || y.One("a") != 1 {
		t.Errorf("left at %v and %v", x, y)
	}
}

// A session listens on this machine alone, and is in no line of the process's arguments.
func TestLoopback(t *testing.T) {
	s := shown(t, doubled(nil))
	s.Close()
	if err := s.serve(); err != nil {
		t.Skip(err)
	}
	host, _, err := net.SplitHostPort(s.host)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("it listens on %s", s.host)
	}
	if strings.Contains(strings.Join(os.Args, " "), s.token) {
		t.Error("the token is an argument")
	}
	s.server.Close()
}

// A page in a container is at the port that is shared, of the browser's machine, and is as closed as another. Nobody else gets the port.
func TestShared(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	t.Setenv(sharedAt, "0.0.0.0:"+port)
	s, err := Open(doubled(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.serve(); err != nil {
		t.Skip(err)
	}
	if s.host != "127.0.0.1:"+port {
		t.Errorf("its page is at %s", s.host)
	}
	if status, answer := request(t, s, "POST", "view", good, nil); status != http.StatusOK || !strings.Contains(answer, `"view"`) {
		t.Errorf("status %d: %s", status, answer)
	}
	if status, _ := request(t, s, "POST", "view", good, func(r *http.Request) { r.Host = "0.0.0.0:" + port }); status != http.StatusForbidden {
		t.Errorf("by another name: status %d", status)
	}
	if err := (&Session{}).serve(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second one: error %v", err)
	}
}

// Where nobody is watching, a widget is a picture at once; so is one that nobody's page asked for or touched, a little later.
func TestUnattended(t *testing.T) {
	if at := Show(doubled(nil)); at.One("a") != 1 {
		t.Errorf("left at %v", at)
	}
	s := &Session{widget: Widget{Waits: Waits{Page: 1, Touch: 10, Idle: 100}}}
	var began time.Time
	for _, c := range []struct {
		asked, touched bool
		last, now      time.Duration
		want           bool
	}{
		{false, false, 0, 0, true}, {false, false, 0, 1, false}, {true, false, 0, 9, true}, {true, false, 0, 10, false},
		{true, true, 9, 108, true}, {true, true, 9, 109, false},
	} {
		s.asked, s.touched, s.last = c.asked, c.touched, began.Add(c.last)
		if got := s.waiting(began, began.Add(c.now)); got != c.want {
			t.Errorf("%+v: it waits: %v", c, got)
		}
	}
}

// The button of the page, and the notebook's stop button, end the wait.
func TestEnds(t *testing.T) {
	s := shown(t, doubled(nil))
	request(t, s, "POST", "done", "", nil)
	request(t, s, "POST", "done", "", nil)
	s.Wait()
	s = shown(t, doubled(nil))
	s.cancel()
	s.Wait()
}

// A widget makes way for cells that wait, but not once a hand has touched it.
func TestMakesWay(t *testing.T) {
	s := shown(t, doubled(nil))
	if status, _ := request(t, s, "POST", "queued", "", func(r *http.Request) { r.Header.Set("Origin", "http://elsewhere") }); status != http.StatusNotFound {
		t.Errorf("another page may end it: status %d", status)
	}
	request(t, s, "POST", "queued", "", nil)
	s.Wait()
	s = shown(t, doubled(nil))
	request(t, s, "POST", "view", good, nil)
	request(t, s, "POST", "queued", "", nil)
	select {
	case <-s.Done():
		t.Error("it ended under a hand")
	default:
	}
	if frame := s.frame(); !strings.Contains(frame, "'http://"+s.host+"'") || strings.Count(frame, s.token) != 2 {
		t.Errorf("the frame is %s", frame)
	}
}

// What makes no sense is said in a sentence.
func TestFaults(t *testing.T) {
	for want, change := range map[string]func(*Widget){
		"has no View":           func(w *Widget) { w.View = nil },
		"finite range upward":   func(w *Widget) { w.Controls[0].Max = math.Inf(1) },
		"step above 0":          func(w *Widget) { w.Controls[0].Step = 0 },
		"is at 3, want -1 to 2": func(w *Widget) { w.Controls[0].Start = []float64{3} },
		"a Name of its own":     func(w *Widget) { w.Controls[1].Name = "a" },
		"which is no control":   func(w *Widget) { w.Handles = []Handle{{Control: "b"}} },
		"nothing to see": func(w *Widget) {
			w.View = func(context.Context, Values) (*View, error) { return nil, errors.New("nothing to see") }
		},
	} {
		w := doubled(nil)
		change(&w)
		if _, err := Open(w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
