// Package browser drives Chromium as a hand would, for tests: by the DevTools protocol over a pipe.
package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// ErrNone says that there is no browser to drive.
var ErrNone = errors.New("browser: there is no chromium")

// A Page is a tab of a browser of its own.
type Page struct {
	command *exec.Cmd
	profile string
	in      io.WriteCloser
	session string

	lock     sync.Mutex
	next     int
	waiting  map[int]chan message
	contexts []frame
	broken   error
}

// A frame is a document in the page that runs scripts.
type frame struct {
	id     int    // of its execution context
	origin string // "http://host:port"
}

type message struct {
	ID      int             `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// Open starts Chromium without a window, and opens a tab of so many pixels. It returns ErrNone if none is installed. Close ends it.
func Open(ctx context.Context, wide, high int) (*Page, error) {
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if at, err := exec.LookPath(name); err == nil {
			path = at
			break
		}
	}
	if path == "" {
		return nil, ErrNone
	}
	profile, err := os.MkdirTemp("", "safex-browser-")
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	p := &Page{profile: profile, waiting: map[int]chan message{}}
	args := []string{"--headless", "--remote-debugging-pipe", "--user-data-dir=" + profile, "--no-first-run", "--disable-gpu", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-quic",
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows", fmt.Sprintf("--window-size=%d,%d", wide, high)}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // it has none for root
	}
	p.command = exec.CommandContext(ctx, path, append(args, "about:blank")...)
	theirs, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	out, ours, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	p.in = in
	p.command.ExtraFiles = []*os.File{theirs, ours} // 3 and 4, as it expects
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	theirs.Close()
	ours.Close()
	go p.read(out)
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	target := ""
	for target == "" { // the tab that it opens with: one of ours would be in the background, where little is drawn
		if err := p.Call(ctx, "Target.getTargets", nil, &targets); err != nil {
			return nil, errors.Join(err, p.Close())
		}
		for _, t := range targets.TargetInfos {
			if t.Type == "page" {
				target = t.TargetID
			}
		}
	}
	var attached struct{ SessionID string }
	if err := p.Call(ctx, "Target.attachToTarget", map[string]any{"targetId": target, "flatten": true}, &attached); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.session = attached.SessionID
	for _, c := range []struct {
		method string
		params map[string]any
	}{{"Page.enable", nil}, {"Runtime.enable", nil}, {"Emulation.setDeviceMetricsOverride", map[string]any{"width": wide, "height": high, "deviceScaleFactor": 1, "mobile": false}}} {
		if err := p.Call(ctx, c.method, c.params, nil); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

// Close ends the browser.
func (p *Page) Close() error {
	p.in.Close()
	p.command.Process.Kill()
	p.command.Wait()
	return os.RemoveAll(p.profile)
}

// read takes answers to whoever waits for them, and keeps which frames there are.
func (p *Page) read(from io.Reader) {
	r := bufio.NewReader(from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			p.lock.Lock()
			p.broken = fmt.Errorf("browser: it has ended: %w", err)
			for _, c := range p.waiting {
				close(c)
			}
			p.waiting = map[int]chan message{}
			p.lock.Unlock()
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		p.lock.Lock()
		if c, ok := p.waiting[m.ID]; ok && m.ID > 0 {
			delete(p.waiting, m.ID)
			c <- m
		}
		p.changed(m)
		p.lock.Unlock()
	}
}

func (p *Page) changed(m message) {
	var e struct {
		Context struct {
			ID      int
			Origin  string
			AuxData struct{ IsDefault bool }
		}
		ExecutionContextID int
	}
	json.Unmarshal(m.Params, &e)
	switch m.Method {
	case "Runtime.executionContextCreated":
		if e.Context.AuxData.IsDefault {
			p.contexts = append(p.contexts, frame{e.Context.ID, e.Context.Origin})
		}
	case "Runtime.executionContextDestroyed":
		for i, f := range p.contexts {
			if f.id == e.ExecutionContextID {
				p.contexts = append(p.contexts[:i:i], p.contexts[i+1:]...)
				break
			}
		}
	case "Runtime.executionContextsCleared":
		p.contexts = nil
	}
}

// Call calls a method of the protocol, and reads its result into result, which may be nil.
func (p *Page) Call(ctx context.Context, method string, params, result any) error {
	text, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("browser: %w", err)
	}
	if params == nil {
		text = []byte("{}")
	}
	p.lock.Lock()
	if p.broken != nil {
		defer p.lock.Unlock()
		return p.broken
	}
	p.next++
	m := message{ID: p.next, Method: method, Params: text, Session: p.session}
	answer := make(chan message, 1)
	p.waiting[m.ID] = answer
	text, err = json.Marshal(m)
	if err == nil {
		_, err = p.in.Write(append(text, 0))
	}
	p.lock.Unlock()
	if err != nil {
		return fmt.Errorf("browser: %s: %w", method, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("browser: %s: %w", method, ctx.Err())
	case m, ok := <-answer:
		if !ok {
			return p.broken
		}
		if m.Error != nil {
			return fmt.Errorf("browser: %s: %s", method, m.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(m.Result, result)
	}
}

// Go opens an address.
func (p *Page) Go(ctx context.Context, address string) error {
	return p.Call(ctx, "Page.navigate", map[string]any{"url": address}, nil)
}

// Origins are those of the frames in the page that run scripts, the oldest first.
func (p *Page) Origins() (all []string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, f := range p.contexts {
		all = append(all, f.origin)
	}
	return all
}

// Eval evaluates a script in the newest frame of an origin, and reads its value into result, which may be nil.
func (p *Page) Eval(ctx context.Context, origin, script string, result any) error {
	id := 0
	p.lock.Lock()
	for _, f := range p.contexts {
		if f.origin == origin {
			id = f.id
		}
	}
	p.lock.Unlock()
	if id == 0 {
		return fmt.Errorf("browser: there is no frame of %s", origin)
	}
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.Call(ctx, "Runtime.evaluate", map[string]any{"expression": script, "contextId": id, "returnByValue": true, "awaitPromise": true}, &answer)
	if err != nil {
		return err
	}
	if e := answer.ExceptionDetails; e != nil {
		return fmt.Errorf("browser: %s %s", e.Text, e.Exception.Description)
	}
	if result == nil || answer.Result.Value == nil {
		return nil
	}
	return json.Unmarshal(answer.Result.Value, result)
}

// Until evaluates a condition again and again until it is true, and says what it waited for if it never is.
func (p *Page) Until(ctx context.Context, origin, condition string) error {
	for {
		var ok bool
		err := p.Eval(ctx, origin, "!!("+condition+")", &ok)
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("browser: waited in vain for %s in %s: %w", condition, origin, errors.Join(err, ctx.Err()))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Mouse is what the mouse does at a place of the page, in pixels: mouseMoved, mousePressed or mouseReleased.
func (p *Page) Mouse(ctx context.Context, what string, x, y float64, held bool) error {
	params := map[string]any{"type": what, "x": x, "y": y, "button": "none", "buttons": 0}
	if held {
		params["button"], params["buttons"] = "left", 1
	}
	if what != "mouseMoved" {
		params["clickCount"] = 1
	}
	return p.Call(ctx, "Input.dispatchMouseEvent", params, nil)
}

// Click clicks at a place.
func (p *Page) Click(ctx context.Context, x, y float64) error {
	for _, what := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		if err := p.Mouse(ctx, what, x, y, what != "mouseMoved"); err != nil {
			return err
		}
	}
	return nil
}

// Drag moves what is at the first place to the others, with a pause before each. After each it calls then, if that is not nil.
func (p *Page) Drag(ctx context.Context, pause time.Duration, then func() error, places ...[2]float64) error {
	last := places[len(places)-1]
	if err := p.Mouse(ctx, "mouseMoved", places[0][0], places[0][1], false); err != nil {
		return err
	}
	if err := p.Mouse(ctx, "mousePressed", places[0][0], places[0][1], true); err != nil {
		return err
	}
	for _, at := range places[1:] {
		time.Sleep(pause)
		if err := p.Mouse(ctx, "mouseMoved", at[0], at[1], true); err != nil {
			return err
		}
		if then == nil {
			continue
		}
		if err := then(); err != nil {
			return err
		}
	}
	return p.Mouse(ctx, "mouseReleased", last[0], last[1], true)
}

// ShiftEnter presses Enter with the shift key held.
func (p *Page) ShiftEnter(ctx context.Context) error {
	for _, what := range []string{"keyDown", "keyUp"} {
		if err := p.Call(ctx, "Input.dispatchKeyEvent", map[string]any{"type": what, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "modifiers": 8}, nil); err != nil {
			return err
		}
	}
	return nil
}

// Shot is what is seen in a part of the page; an empty one is the whole.
func (p *Page) Shot(ctx context.Context, part image.Rectangle) (image.Image, error) {
	params := map[string]any{"format": "png"}
	if !part.Empty() {
		params["clip"] = map[string]any{"x": part.Min.X, "y": part.Min.Y, "width": part.Dx(), "height": part.Dy(), "scale": 1}
	}
	var shot struct{ Data string }
	if err := p.Call(ctx, "Page.captureScreenshot", params, &shot); err != nil {
		return nil, err
	}
	text, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	return png.Decode(bytes.NewReader(text))
}
