// Package table is how tables and what is said about them are printed: for a terminal, or in Markdown.
package table

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

// A Page is paragraphs and tables, in order.
type Page struct {
	Right bool // cells end below each other in a terminal, as suits numbers
	parts []part
}

// A part is a paragraph, or a table if it has rows.
type part struct {
	text string
	rows [][]string // the head first
}

// Say adds a paragraph.
func (p *Page) Say(format string, args ...any) {
	p.parts = append(p.parts, part{text: fmt.Sprintf(format, args...)})
}

// Add adds a table with a title, which may be empty. Without a head, which is nil, the rows are of two cells: a name and what it is.
func (p *Page) Add(title string, head []string, rows ...[]string) {
	p.parts = append(p.parts, part{title, append([][]string{head}, rows...)})
}

// A Column of a table has a cell for each row of its data.
type Column[R any] struct {
	Name string
	Has  func(R) bool // whether a row needs it: a column that none needs is left out; nil is always
	Of   func(R) string
}

// Cells are the head and the rows of a table of data, without the columns that no row needs, and how many of the columns from the
// first own on are left.
func Cells[R any](data []R, own int, columns ...Column[R]) (head []string, rows [][]string, left int) {
	rows = make([][]string, len(data))
	for k, c := range columns {
		if c.Has != nil && !slices.ContainsFunc(data, c.Has) {
			continue
		}
		if k >= own {
			left++
		}
		head = append(head, c.Name)
		for i, r := range data {
			rows[i] = append(rows[i], c.Of(r))
		}
	}
	return head, rows, left
}

// Text writes the page for a terminal: the cells of a column begin below each other.
func (p *Page) Text(w io.Writer) error {
	for i, part := range p.parts {
		if i > 0 && (part.rows != nil || p.parts[i-1].rows != nil) {
			fmt.Fprintln(w)
		}
		if part.text != "" {
			fmt.Fprintln(w, plain(part.text))
		}
		flags, end := uint(0), ""
		if p.Right {
			flags, end = tabwriter.AlignRight, "\t"
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', flags)
		for _, row := range part.rows {
			for k, cell := range row {
				if k > 0 {
					fmt.Fprint(t, "\t")
				}
				fmt.Fprint(t, plain(cell))
			}
			if row != nil {
				fmt.Fprintln(t, end)
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// Markdown writes the page in Markdown.
func (p *Page) Markdown(w io.Writer) error {
	var b strings.Builder
	for i, part := range p.parts {
		if i > 0 && (part.rows != nil || p.parts[i-1].rows != nil) {
			b.WriteString("\n")
		}
		if part.text != "" {
			b.WriteString(plain(part.text) + "\n")
			if part.rows != nil {
				b.WriteString("\n")
			}
		}
		for k, row := range part.rows {
			if row == nil {
				row = []string{"", ""}
			}
			if k == 1 {
				b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
			}
			cells := slices.Clone(row)
			for j := range cells {
				cells[j] = markdown.Replace(plain(cells[j]))
			}
			b.WriteString(strings.ReplaceAll("| "+strings.Join(cells, " | ")+" |\n", "|  |", "| |"))
		}
		if len(part.rows) == 1 {
			b.WriteString(strings.Repeat("|---", len(part.rows[0])) + "|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// MarkdownString is the page in Markdown.
func (p *Page) MarkdownString() string {
	var b strings.Builder
	p.Markdown(&b)
	return b.String()
}

// markdown keeps the text of a cell in its cell.
var markdown = strings.NewReplacer("|", `\|`, "<", "&lt;")

// plain is a text without what would move the cursor of a terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
