package logs

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"

	"github.com/rischiboy/safe_exploration/safex"
)

// CSV is the log as a table of transitions of s, which Read reads back with the same bits, and without notes: the columns episode, step, the state, the
// action in [-1, 1], and next_NAME, named as in the steps.csv of a run.
func (l *Log) CSV(s *safex.System) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	row := append(append([]string{episodeName, stepName}, names(s.State)...), names(s.Action)...)
	for _, v := range s.State {
		row = append(row, nextPrefix+v.Name)
	}
	w.Write(row)
	d := l.Data
	step := 0
	for _, e := range d.Episodes() {
		for i := e[0]; i < e[1]; i++ {
			switch {
			case i == 0 || l.Episode[i] != l.Episode[i-1]:
				step = 0
			case i == e[0]:
				step += 2 // a gap
			default:
				step++
			}
			row = append(row[:0], strconv.Itoa(l.Episode[i]), strconv.Itoa(step))
			for _, v := range slices.Concat(d.X.Point(i), d.U.Point(i), d.Next.Point(i)) {
				row = append(row, strconv.FormatFloat(v, 'g', -1, 64))
			}
			w.Write(row)
		}
	}
	w.Flush()
	return b.Bytes()
}
