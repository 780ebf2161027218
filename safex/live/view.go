package live

import (
	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
)

// A View is what a Widget shows, in the page and in the still picture that is left of it.
type View struct {
	Sketch *fig.Sketch // at the left; nil for none
	Panels []fig.Panel
	Axis   string   // label of the axis that all panels share, with its unit
	Cursor *float64 // where in all panels, in the unit of the axis; nil for nowhere
	Notes  []string // sentences, below
	Alarm  bool     // a limit is broken: the first note is red
}

// PNG is the still picture.
func (v *View) PNG() ([]byte, error) {
	panels := v.Panels
	if v.Cursor != nil {
		panels = nil
		for _, p := range v.Panels {
			p.Marks = append([]float64{*v.Cursor}, p.Marks...)
			panels = append(panels, p)
		}
	}
	return fig.Panels(v.Axis, panels...).With(v.Sketch, v.Notes...).PNG()
}

// SketchOf is the picture of a system in the state x under the action u, and behind it, pale, in other states. It is nil if the system
// has no picture.
func SketchOf(s *safex.System, x, u []float64, pale ...[]float64) *fig.Sketch {
	p := s.Picture
	if p == nil {
		return nil
	}
	sketch := &fig.Sketch{Left: p.Left, Right: p.Right, Bottom: p.Bottom, Top: p.Top, Shapes: p.Draw(x, u)}
	for _, y := range pale {
		for _, shape := range p.Draw(y, make([]float64, len(u))) {
			if shape.Role == safex.Body {
				sketch.Pale = append(sketch.Pale, shape)
			}
		}
	}
	return sketch
}
