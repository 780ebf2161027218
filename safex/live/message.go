package live

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
)

// numbers are written with as many digits as a screen has room for; what is not finite is null.
type numbers []float64

// MarshalJSON implements json.Marshaler.
func (n numbers) MarshalJSON() ([]byte, error) {
	text := []byte{'['}
	for i, v := range n {
		if i > 0 {
			text = append(text, ',')
		}
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			text = append(text, "null"...)
		default:
			text = strconv.AppendFloat(text, v, 'g', 6, 64)
		}
	}
	return append(text, ']'), nil
}

// outlined is what a page knows of a widget before it sees anything.
type outlined struct {
	Name     string            `json:"name"`
	Controls []controlled      `json:"controls"`
	Handles  []Handle          `json:"handles"`
	Colours  map[string]string `json:"colours"`
	Every    int64             `json:"every"` // ms
	Touch    float64           `json:"touch"` // s
	Tall     int               `json:"tall"`  // px, of a panel
}

type controlled struct {
	Name  string   `json:"name"`
	Label string   `json:"label"`
	Min   float64  `json:"min"`
	Max   float64  `json:"max"`
	Step  float64  `json:"step"`
	Start numbers  `json:"start"`
	Words []string `json:"words"`
}

func (s *Session) outline() outlined {
	s.lock.Lock()
	defer s.lock.Unlock()
	o := outlined{
		Name: s.widget.Name, Handles: s.widget.Handles, Colours: fig.Colours(), Every: s.widget.Every.Milliseconds(), Touch: s.widget.Waits.Touch.Seconds(),
		Tall: panelTall(len(s.view.Panels)),
	}
	for _, c := range s.widget.Controls {
		o.Controls = append(o.Controls, controlled{c.Name, c.Label, c.Min, c.Max, c.Step, s.at[c.Name], c.Words})
	}
	return o
}

// tall is the height of the page in pixels.
func (s *Session) tall() int {
	sliders := 0
	for _, c := range s.widget.Controls {
		if c.Label != "" {
			sliders++
		}
	}
	v := s.view
	panels, left := panelTall(len(v.Panels))*len(v.Panels), 0
	for _, n := range v.Notes {
		left += 8 + 17*(2+len(n)/38) // as wide as a sketch, and a line to spare
	}
	if v.Sketch == nil {
		return 80 + 30*((sliders+1)/2) + panels + left
	}
	left += int(sketchWide * (v.Sketch.Top - v.Sketch.Bottom) / (v.Sketch.Right - v.Sketch.Left))
	return 60 + 30*((sliders+1)/2) + max(panels, left)
}

// sketchWide is the width of a sketch in pixels, as in page.js.
const sketchWide = 300

// panelTall is the height of each of n panels in pixels: all of them fit on a screen.
func panelTall(n int) int { return min(190, max(120, 600/max(n, 1))) }

type lined struct {
	Name   string  `json:"name,omitempty"`
	X      numbers `json:"x"`
	Y      numbers `json:"y"`
	Lo     numbers `json:"lo,omitempty"`
	Hi     numbers `json:"hi,omitempty"`
	Dashed bool    `json:"dashed,omitempty"`
	Dots   bool    `json:"dots,omitempty"`
}

type panelled struct {
	Title  string  `json:"title"`
	Label  string  `json:"label"`
	Lines  []lined `json:"lines"`
	Levels numbers `json:"levels"`
	Marks  numbers `json:"marks"`
	From   float64 `json:"from"`
	To     float64 `json:"to"`
}

type shaped struct {
	Role   int       `json:"role"`
	Filled bool      `json:"filled"`
	Points []numbers `json:"points"`
}

type sketched struct {
	Left   float64  `json:"left"`
	Right  float64  `json:"right"`
	Bottom float64  `json:"bottom"`
	Top    float64  `json:"top"`
	Pale   []shaped `json:"pale"`
	Shapes []shaped `json:"shapes"`
	Broken bool     `json:"broken"`
}

type viewed struct {
	Sketch *sketched  `json:"sketch"`
	Panels []panelled `json:"panels"`
	Axis   string     `json:"axis"`
	Cursor *float64   `json:"cursor"`
	Notes  []string   `json:"notes"`
	Alarm  bool       `json:"alarm"`
}

// Written is the view as a page reads it, in JSON.
func Written(v *View) ([]byte, error) { return json.Marshal(v.message()) }

// message is the view as a page reads it.
func (v *View) message() viewed {
	m := viewed{Axis: v.Axis, Cursor: v.Cursor, Notes: v.Notes, Alarm: v.Alarm}
	for _, p := range v.Panels {
		to := panelled{Title: p.Title, Label: p.Label, Levels: p.Levels, Marks: p.Marks, From: p.From, To: p.To}
		for _, l := range p.Lines {
			to.Lines = append(to.Lines, lined{l.Name, l.X, l.Y, l.Lo, l.Hi, l.Dashed, l.Dots})
		}
		m.Panels = append(m.Panels, to)
	}
	if s := v.Sketch; s != nil {
		m.Sketch = &sketched{Left: s.Left, Right: s.Right, Bottom: s.Bottom, Top: s.Top, Pale: shapes(s.Pale), Shapes: shapes(s.Shapes), Broken: s.Broken}
	}
	return m
}

func shapes(from []safex.Shape) (to []shaped) {
	for _, f := range from {
		s := shaped{Role: int(f.Role), Filled: f.Filled}
		for _, p := range f.Points {
			s.Points = append(s.Points, p[:])
		}
		to = append(to, s)
	}
	return to
}
