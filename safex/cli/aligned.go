package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// aligned writes a text with tables in Markdown for a terminal: the cells of a column begin below each other, and rules are left out.
func aligned(w io.Writer, markdown string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range strings.Split(strings.TrimSuffix(markdown, "\n"), "\n") {
		cells, row := strings.CutPrefix(line, "| ")
		switch {
		case row:
			line = strings.ReplaceAll(strings.TrimSuffix(cells, " |"), " | ", "\t")
		case strings.HasPrefix(line, "|---"):
			continue
		default: // a table has its own widths
			t.Flush()
		}
		fmt.Fprintln(t, line)
	}
	return t.Flush()
}
