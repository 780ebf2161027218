// Package nb is the notebook's side: it shows figures in GoNB, and turns errors into failed cells.
// Outside a notebook it shows nothing.
package nb

import (
	"context"
	"os"
	"os/signal"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/rischiboy/safe_exploration/safex/fig"
)

// Show shows a figure below the cell. It panics if the figure cannot be drawn, which fails the cell.
func Show(f *fig.Figure) { send(f, "") }

// A Display is a place below the cell whose figure can be replaced. The zero value shows nothing
// until its first Show.
type Display struct{ id string }

// Show shows a figure in place of the last one.
func (d *Display) Show(f *fig.Figure) {
	if d.id == "" {
		d.id = "safex-" + gonbui.UniqueID()
	}
	send(f, d.id)
}

func send(f *fig.Figure, id string) {
	png := Must(f.PNG())
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
