package live

import (
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log"
	"net/http"
	"strings"
	"time"
)

//go:embed page.html page.js
var files embed.FS

// silent drops what a server says of pages that went away.
var silent = log.New(io.Discard, "", 0)

// Limits of what a page may ask.
const (
	mostBytes   = 64 << 10 // in a request
	mostWaiting = 4        // requests at a time; a page of ours has one
)

// handler answers the page. It takes what comes as what it may be: of anybody on this machine.
func (s *Session) handler() http.Handler {
	slots := make(chan struct{}, mostWaiting)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if r.Host != s.host || subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 { // another name for this machine is of a page that is not ours
			http.Error(w, "there is nothing here", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case r.Method == http.MethodGet && name == "":
			s.file(w, "page.html", "text/html; charset=utf-8")
		case r.Method == http.MethodGet && name == "page.js":
			s.file(w, "page.js", "text/javascript; charset=utf-8")
		case r.Method == http.MethodGet && name == "widget":
			s.reply(w, s.outline())
		case r.Method == http.MethodPost && (name == "view" || name == "done" || name == "queued") && r.Header.Get("Origin") == "http://"+s.host:
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			default:
				http.Error(w, "too much at a time", http.StatusTooManyRequests)
				return
			}
			switch name {
			case "view":
				s.answer(w, r)
			case "queued":
				s.give()
			case "done":
				s.once.Do(func() { close(s.done) })
			}
		default:
			http.Error(w, "there is nothing here", http.StatusNotFound)
		}
	})
}

// give ends the widget for the cells that wait, unless a hand has touched it.
func (s *Session) give() {
	s.lock.Lock()
	defer s.lock.Unlock()
	if !s.touched {
		s.once.Do(func() {
			s.queued = true
			close(s.done)
		})
	}
}

func (s *Session) file(w http.ResponseWriter, name, kind string) {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(fmt.Sprintf("live: %v", err)) // it is embedded
	}
	w.Header().Set("Content-Type", kind)
	w.Write(text)
}

func (s *Session) reply(w http.ResponseWriter, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(text)
}

// A question is what a page sends.
type question struct {
	Values map[string][]*float64
	Hand   bool // something was moved
}

// answer sends the view of where a page's controls are.
func (s *Session) answer(w http.ResponseWriter, r *http.Request) {
	at, hand, err := s.question(http.MaxBytesReader(w, r.Body, mostBytes))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.lock.Lock()
	s.asked = true
	if hand {
		s.touched, s.last = true, time.Now()
	}
	s.lock.Unlock()
	if err := s.seen(r, at); err != nil {
		s.reply(w, map[string]string{"error": err.Error()})
		return
	}
	s.lock.Lock()
	v := s.view
	s.lock.Unlock()
	s.reply(w, map[string]any{"view": v.message()})
}

// seen looks for the page that asks. What panics fails as an error does: the page says so, and the cell goes on.
func (s *Session) seen(r *http.Request, at Values) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return s.look(r.Context(), at)
}

// question reads where the controls are. What is not a number, or out of range, is refused.
func (s *Session) question(body io.Reader) (at Values, hand bool, err error) {
	var q question
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return nil, false, fmt.Errorf("live: no question: %w", err)
	}
	at = Values{}
	for _, c := range s.widget.Controls {
		var values []float64
		for _, v := range q.Values[c.Name] {
			if v == nil {
				return nil, false, fmt.Errorf("live: control %q is no number", c.Name)
			}
			values = append(values, *v)
		}
		if err := c.within(values); err != nil {
			return nil, false, fmt.Errorf("live: %w", err)
		}
		for i, v := range values {
			values[i] = min(max(v, c.Min), c.Max) // less what a page's steps add up to
		}
		at[c.Name] = values
	}
	if len(q.Values) != len(at) {
		return nil, false, errors.New("live: there are other controls")
	}
	return at, q.Hand, nil
}

func escape(text string) string { return html.EscapeString(text) }
