// Package nb is the notebook's side: it shows figures in GoNB, and turns errors into failed cells.
// Outside a notebook it shows nothing.
package nb

import (
	"context"
	"os"
	"os/signal"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// A Drawing is what can be shown: a fig.Figure, or a fig.Animation, whose PNG moves.
type Drawing interface{ PNG() ([]byte, error) }

// Show shows a drawing below the cell. It panics if the drawing cannot be drawn, which fails the cell.
func Show(d Drawing) { send(d, "") }

// A Display is a place below the cell whose drawing can be replaced. The zero value shows nothing
// until its first Show.
type Display struct{ id string }

// Show shows a drawing in place of the last one.
func (d *Display) Show(p Drawing) {
	if d.id == "" {
		d.id = "safex-" + gonbui.UniqueID()
	}
	send(p, d.id)
}

// Math shows a formula in LaTeX below the cell, as of safex.System's and num.Program's LaTeX.
func Math(latex string) { Text("$$" + latex + "$$") }

// Text shows a text in Markdown below the cell.
func Text(markdown string) {
	if gonbui.IsNotebook {
		gonbui.DisplayMarkdown(markdown)
	}
}

func send(d Drawing, id string) {
	png := Must(d.PNG())
	if !gonbui.IsNotebook {
		return
	}
	gonbui.SendData(&protocol.DisplayData{Data: map[protocol.MIMEType]any{protocol.MIMEImagePNG: png}, DisplayID: id})
	gonbui.Sync() // without it a display can be lost when the cell's process ends
	if err := gonbui.Error(); err != nil {
		panic("nb: the notebook did not take the figure: " + err.Error())
	}
}

// Must is v, or a failed cell with err in one line.
func Must[T any](v T, err error) T {
	Check(err)
	return v
}

// Check fails the cell if err is not nil.
func Check(err error) {
	if err != nil {
		panic(err.Error())
	}
}

// Context is cancelled by the notebook's stop button.
func Context() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt)
	return ctx
}
