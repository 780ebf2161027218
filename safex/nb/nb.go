// Package nb is the notebook's side: it shows figures in GoNB, and turns errors into failed cells.
// Outside a notebook it shows nothing.
package nb

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// A Drawing is what can be shown: a fig.Figure, or a fig.Animation, whose PNG moves.
type Drawing interface{ PNG() ([]byte, error) }

// Show shows a drawing below the cell. It fails the cell if the drawing cannot be drawn.
func Show(d Drawing) { send(d, "") }

// A Display is a place below the cell whose drawing or text can be replaced. The zero value shows nothing
// until its first Show or Text.
type Display struct{ id string }

// Show shows a drawing in place of what was shown last.
func (d *Display) Show(p Drawing) { send(p, d.place()) }

// Text shows a text in Markdown in place of what was shown last.
func (d *Display) Text(markdown string) {
	if gonbui.IsNotebook {
		show(protocol.MIMETextMarkdown, markdown, d.place())
	}
}

// HTML shows a page in HTML in place of what was shown last. It is not kept where a notebook is not trusted: show a Drawing in its place
// before the cell ends.
func (d *Display) HTML(page string) {
	if gonbui.IsNotebook {
		show(protocol.MIMETextHTML, page, d.place())
	}
}

// Attended tells whether somebody may be watching the cell: in a notebook that a browser or an editor has opened. A notebook that is run
// from its first cell to its last without one, as by safex lab --run or nbconvert, is not.
func Attended() bool {
	_, lab := os.LookupEnv("JPY_SESSION_NAME") // of a Jupyter server
	_, editor := os.LookupEnv("VSCODE_PID")
	return gonbui.IsNotebook && (lab || editor)
}

func (d *Display) place() string {
	if d.id == "" {
		d.id = "safex-" + gonbui.UniqueId()
	}
	return d.id
}

// Math shows a formula in LaTeX below the cell, as of safex.System's and num.Program's LaTeX.
func Math(latex string) { Text("$$" + latex + "$$") }

// Text shows a text in Markdown below the cell.
func Text(markdown string) {
	if gonbui.IsNotebook {
		show(protocol.MIMETextMarkdown, markdown, "")
	}
}

func send(d Drawing, id string) {
	png := Must(d.PNG())
	if gonbui.IsNotebook {
		show(protocol.MIMEImagePNG, png, id)
	}
}

func show(kind protocol.MIMEType, data any, id string) {
	gonbui.SendData(&protocol.DisplayData{Data: map[protocol.MIMEType]any{kind: data}, DisplayID: id})
	gonbui.Sync() // without it a display can be lost when the cell's process ends
	if err := gonbui.Error(); err != nil {
		Check(fmt.Errorf("nb: the notebook did not take what was to be shown: %w", err))
	}
}

// Must is v, or a failed cell with err in one line.
func Must[T any](v T, err error) T {
	Check(err)
	return v
}

// Check fails the cell if err is not nil: with err as its last line and nothing else, as the cell is a program that ends here. What
// is deferred does not run. Outside a notebook it panics.
func Check(err error) {
	switch {
	case err == nil:
	case gonbui.IsNotebook:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	default:
		panic(err.Error())
	}
}

// Context is cancelled by the notebook's stop button.
func Context() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt)
	return ctx
}
