package logs

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// A table is the cells of a log.
type table struct {
	names []string // of columns, without their units
	units []string // in brackets behind the names; "" of none
	cells [][]string
	line  []int // of each row in the file
	comma bool  // numbers have decimal commas
}

// rows is how many there are.
func (t *table) rows() int { return len(t.cells) }

// marks are byte order marks, each with the encoding that it begins.
var marks = []struct{ mark, encoding string }{{"\xef\xbb\xbf", "UTF-8"}, {"\xff\xfe", "UTF-16"}, {"\xfe\xff", "UTF-16"}}

// parse takes the text apart into cells.
func (r *reading) parse(text []byte) (*table, error) {
	for _, m := range marks {
		rest, ok := bytes.CutPrefix(text, []byte(m.mark))
		if !ok {
			continue
		}
		if m.encoding != "UTF-8" {
			return nil, r.fail("it begins with the byte order mark of %s: save it as UTF-8", m.encoding)
		}
		r.note("the file begins with a byte order mark (BOM), which is no part of the first column's name and was passed over")
		text = rest
	}
	if at := bytes.IndexByte(text, 0); at >= 0 || !utf8.Valid(text) {
		return nil, r.fail("it is no text in UTF-8: export it as CSV in UTF-8")
	}
	c := csv.NewReader(bytes.NewReader(text))
	c.Comma, c.Comment, c.FieldsPerRecord, c.TrimLeadingSpace = separator(text), '#', -1, true
	if c.Comma == '\t' {
		c.TrimLeadingSpace = false // an empty cell is one
	}
	t := &table{}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, r.fail("line %d: %v: a cell with a quote in it is written with two, and within quotes", bad.Line, bad.Err)
		}
		if err != nil {
			return nil, r.fail("%v", err)
		}
		for k := range row {
			row[k] = strings.TrimSpace(row[k])
		}
		line, _ := c.FieldPos(0)
		if t.names == nil {
			for _, cell := range row {
				name, unit := split(cell)
				t.names, t.units = append(t.names, name), append(t.units, unit)
			}
			continue
		}
		if len(row) != len(t.names) {
			return nil, r.ragged(line, row, t, c.Comma)
		}
		t.cells, t.line = append(t.cells, row), append(t.line, line)
	}
	switch {
	case t.names == nil:
		return nil, r.fail("it is empty: want a first row with the names of columns")
	case len(t.cells) == 0:
		return nil, r.fail("it has the names of columns, and no row below them")
	case !slices.ContainsFunc(t.names, func(name string) bool { _, err := parsed(name, false); return err != nil }):
		return nil, r.fail("its first row holds numbers: want the names of columns there, as %s", r.wanted())
	}
	for k, name := range t.names {
		if at := slices.Index(t.names[:k], name); at >= 0 && name != "" {
			return nil, r.fail("columns %d and %d are both named %q: rename one", at+1, k+1, name)
		}
	}
	return t, nil
}

// ragged is the error of a row that has another number of cells than the head.
func (r *reading) ragged(line int, row []string, t *table, comma rune) error {
	switch head := len(t.names); {
	case len(row) > head && comma == ',':
		return r.fail("line %d has %d cells and the head %d: if numbers have decimal commas, export with semicolons between the cells, or with decimal points", line, len(row), head)
	case len(row) < head:
		return r.fail("line %d has %d cells and the head %d: if it was cut short, as by a recorder that was stopped, remove it", line, len(row), head)
	default:
		return r.fail("line %d has %d cells and the head %d: want as many", line, len(row), head)
	}
}

// separator is what is between cells: that of a semicolon, a tab and a comma which the first row has most of.
func separator(text []byte) rune {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		best, most := ',', 0
		for _, c := range ";\t," {
			if n := bytes.Count(line, []byte(string(c))); n > most {
				best, most = c, n
			}
		}
		return best
	}
	return ','
}

// split takes the unit off a name, as in "omega [rad/s]" or "omega (rad/s)".
func split(cell string) (name, unit string) {
	for _, b := range []struct{ open, shut string }{{"[", "]"}, {"(", ")"}} {
		if at := strings.Index(cell, b.open); at > 0 && strings.HasSuffix(cell, b.shut) {
			return strings.TrimSpace(cell[:at]), strings.TrimSpace(cell[at+1 : len(cell)-1])
		}
	}
	return cell, ""
}
