package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/floats"

	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// Peers are the settings of a comparison with what others would use in place of safex. Each measure is taken by turns, ours,
// theirs, ours, theirs, so that whatever else the machine does hits both.
type Peers struct {
	Python  string // the command of a Python 3 that has the peers
	Seed    uint64
	Engine  string        // of our rollouts, by its name in package lab
	Names   []string      // of the peers: jax, published and pets
	Turns   int           // of each measure, at least 1: medians are taken over them
	Calls   int           // of a rollout in a turn, at least 1: the best of them counts, on either side
	Widths  []int         // of rollouts
	Acts    []string      // activations of rollouts
	Trials  int           // of a cart-pole, at most, until it is solved
	Slice   time.Duration // of a turn of one side: what is faster is measured again until it has passed, and the median counts
	Within  time.Duration // of PETS on the cart-pole: when it has passed, it is said how far PETS has come
	Patient time.Duration // with one answer of a peer
}

// Names of the peers.
const (
	peerJAX       = "jax"
	peerPublished = "published"
	peerPETS      = "pets"
)

// DefaultPeers compare with every peer, in at most ten minutes on two quiet cores; Within is for the cart-pole of PETS.
func DefaultPeers() Peers {
	return Peers{
		Python: "python3", Seed: 1, Engine: "fused", Names: []string{peerJAX, peerPublished, peerPETS},
		Turns: 3, Calls: 7, Widths: []int{64, 128, 256}, Acts: []string{"swish", "relu"},
		Trials: 8, Slice: 300 * time.Millisecond, Within: 5 * time.Minute, Patient: 5 * time.Minute,
	}
}

// QuickPeers compare with every peer in a few minutes: one network, and a minute for the cart-pole.
func QuickPeers() Peers {
	p := DefaultPeers()
	p.Turns, p.Widths, p.Acts, p.Within = 1, []int{64}, []string{"swish"}, time.Minute
	return p
}

// Check reports the first setting that is out of range.
func (p Peers) Check() error {
	for _, name := range p.Names {
		if _, ok := comparisons[name]; !ok {
			return fmt.Errorf("bench: no peer %q: want %s, %s or %s", name, peerJAX, peerPublished, peerPETS)
		}
	}
	switch {
	case p.Python == "":
		return errors.New("bench: no Python: name the command of one")
	case twice(p.Names):
		return fmt.Errorf("bench: Names %v name something twice: name it once", p.Names)
	case p.Turns < 1 || p.Calls < 1 || p.Trials < 1:
		return fmt.Errorf("bench: Turns %d, Calls %d and Trials %d, want at least 1", p.Turns, p.Calls, p.Trials)
	case p.Slice < 0 || p.Within <= 0 || p.Patient <= 0:
		return fmt.Errorf("bench: Slice %v, Within %v and Patient %v, want at least 0, and the others more", p.Slice, p.Within, p.Patient)
	}
	return nil
}

// A Versus is one measure of safex beside one of a peer. Less is better in all of them.
type Versus struct {
	Peer   string  `json:"peer"`
	What   string  `json:"what"` // what was measured
	Unit   string  `json:"unit"`
	Our    string  `json:"our,omitempty"`   // what safex ran
	Their  string  `json:"their,omitempty"` // what the peer ran
	Ours   float64 `json:"ours"`            // median over the turns
	Theirs float64 `json:"theirs"`          // median over the turns; the least that it can be, if Open
	Open   bool    `json:"open,omitempty"`  // the peer was not done when the time was up
	Ratio  float64 `json:"ratio"`           // median of ours over theirs in the same turn; the most that it can be, if Open
	Low    float64 `json:"low,omitempty"`   // least of these ratios
	High   float64 `json:"high,omitempty"`  // largest of them
	Turns  int     `json:"turns"`
	Note   string  `json:"note,omitempty"`
}

// A Comparison is what was measured, and on what.
type Comparison struct {
	Machine  string            `json:"machine"`
	CPU      string            `json:"cpu"`
	Load     string            `json:"load,omitempty"` // of the machine before, in processes that want to run; "" if it does not tell
	Versions map[string]string `json:"versions"`       // of the peers that were there
	Rows     []Versus          `json:"peers"`
	LeftOut  []string          `json:"left_out,omitempty"` // a sentence about each peer, or part of it, that is not among the rows
}

// comparisons are what the peers are compared in, by their names.
var comparisons = map[string]func(c *compare, ctx context.Context) error{
	peerJAX: (*compare).jax, peerPublished: (*compare).published, peerPETS: (*compare).pets,
}

// compare is a call of Peers.Measure.
type compare struct {
	Peers
	*bench
	got  *Comparison
	note func(*Comparison) error
}

// Measure compares with every peer, and calls note, if it is not nil, after each row with all so far; its error ends the measuring. A peer
// that is not there, that crashes or that answers nonsense is left out with a sentence. A cancelled ctx returns what there is, and
// its error.
func (p Peers) Measure(ctx context.Context, note func(*Comparison) error) (*Comparison, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	s := Quick()
	s.Seed = p.Seed
	if err := s.Select(p.Engine, "", ""); err != nil {
		return nil, err
	}
	b, err := newBench(s, nil)
	if err != nil {
		return nil, err
	}
	c := &compare{p, b, &Comparison{Machine: Machine(), CPU: CPU(), Load: load(), Versions: map[string]string{}}, note}
	for _, name := range p.Names {
		if err := comparisons[name](c, ctx); errors.Is(err, errPeer) {
			c.got.LeftOut = append(c.got.LeftOut, why(err))
			err = c.tell()
			if err != nil {
				return c.got, err
			}
		} else if err != nil {
			return c.got, err
		}
	}
	return c.got, nil
}

// tell calls note.
func (c *compare) tell() error {
	if c.note == nil {
		return nil
	}
	return c.note(c.got)
}

// add notes rows.
func (c *compare) add(rows ...Versus) error {
	c.got.Rows = append(c.got.Rows, rows...)
	return c.tell()
}

// open starts a peer, and keeps its versions.
func (c *compare) open(ctx context.Context, name, install, program string, args ...string) (*peer, error) {
	p := &peer{name: name, install: install, python: c.Python, patient: c.Patient}
	if err := p.open(ctx, program, args...); err != nil {
		return nil, err
	}
	maps.Copy(c.got.Versions, p.versions)
	return p, nil
}

// A measure is one value of a side, of which less is better.
type measure func() (float64, error)

// again is the median of a measure over some time, and of one at least: what is fast is measured more than once in a turn.
func (m measure) again(slice time.Duration) (float64, error) {
	var all []float64
	for began := time.Now(); len(all) == 0 || time.Since(began) < slice; {
		v, err := m()
		if err != nil {
			return 0, err
		}
		all = append(all, v)
	}
	return quantile(0.5, all), nil
}

// turns measures by turns, each of ours and then theirs, after a call of each that does not count, and fills a row in for each of
// ours.
func (c *compare) turns(theirs measure, rows []Versus, ours ...measure) ([]Versus, error) {
	for _, m := range append(slices.Clip(ours), theirs) {
		if _, err := m(); err != nil {
			return nil, err
		}
	}
	own, ratios := make([][]float64, len(ours)), make([][]float64, len(ours))
	var their []float64
	for range c.Turns {
		now := make([]float64, len(ours))
		for i, m := range ours {
			v, err := m.again(c.Slice)
			if err != nil {
				return nil, err
			}
			now[i] = v
		}
		t, err := theirs.again(c.Slice)
		if err != nil {
			return nil, err
		}
		their = append(their, t)
		for i, v := range now {
			own[i], ratios[i] = append(own[i], v), append(ratios[i], v/t)
		}
	}
	for i := range rows {
		v := &rows[i]
		v.Turns, v.Low, v.High = c.Turns, floats.Min(ratios[i]), floats.Max(ratios[i])
		v.Ours, v.Theirs, v.Ratio = quantile(0.5, own[i]), quantile(0.5, their), quantile(0.5, ratios[i])
	}
	return rows, nil
}

// clock is the time of a call, in seconds.
func clock(f func() error) (float64, error) {
	began := time.Now()
	err := f()
	return time.Since(began).Seconds(), err
}

// JSON is the comparison as a file.
func (c *Comparison) JSON() ([]byte, error) { return encode.Indented(c) }

// ReadComparison reads a file that JSON made.
func ReadComparison(path string) (*Comparison, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &Comparison{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("%s holds no rows of safex bench --peers: %w", path, err)
	}
	if c.Machine == "" {
		return nil, fmt.Errorf("%s holds no rows of safex bench --peers", path)
	}
	return c, nil
}

// CPU is the name of the processor, or its kind where that has none.
func CPU() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if m := regexp.MustCompile(`(?m)^model name\s*: (.+)$`).FindSubmatch(text); err == nil && m != nil {
		return strings.TrimSpace(string(m[1]))
	}
	return runtime.GOOS + " on " + runtime.GOARCH
}

// load is how many processes wanted to run in the last minute; "" where that is not told.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
