package logs_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/logs"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A sheet is a log that a test spoils: the names of columns, and rows of numbers.
type sheet struct {
	names []string
	rows  [][]float64
}

// swings are episodes of 100 steps of the pendulum under coloured noise, with the columns episode, time, cos, sin, omega and torque.
func swings(t testing.TB, s *safex.System, episodes int, deviation float64) *sheet {
	t.Helper()
	short := *s
	short.Steps = 100
	h := &sheet{names: []string{"episode", "time", "cos", "sin", "omega", "torque"}}
	for k := range episodes {
		src := rng.New(7).Child("log").At(k)
		e, err := short.Simulate(s.ColouredPolicy(0.9, deviation, src.Child("act")), src)
		if err != nil {
			t.Fatal(err)
		}
		for i, u := range e.Actions {
			x := e.States[i]
			h.rows = append(h.rows, []float64{float64(k), float64(i) * s.Dt, x[0], x[1], x[2], u[0]})
		}
	}
	return h
}

// pendulum is its system, with formulas or without.
func pendulum(t testing.TB, formulas bool) *safex.System {
	t.Helper()
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	if !formulas {
		bare := *s
		bare.Dynamics = nil
		s = &bare
	}
	return s
}

// at is the number of the column of that name.
func (h *sheet) at(name string) int { return slices.Index(h.names, name) }

// each changes every number of a column.
func (h *sheet) each(name string, f func(v float64) float64) {
	for _, row := range h.rows {
		row[h.at(name)] = f(row[h.at(name)])
	}
}

// without is the sheet without columns.
func (h *sheet) without(names ...string) *sheet {
	left := &sheet{}
	for k, name := range h.names {
		if !slices.Contains(names, name) {
			left.names = append(left.names, name)
			for i, row := range h.rows {
				if len(left.rows) <= i {
					left.rows = append(left.rows, nil)
				}
				left.rows[i] = append(left.rows[i], row[k])
			}
		}
	}
	return left
}

// csv is the sheet as text.
func (h *sheet) csv() string {
	var b strings.Builder
	fmt.Fprintln(&b, strings.Join(h.names, ","))
	for _, row := range h.rows {
		var cells []string
		for _, v := range row {
			cells = append(cells, fmt.Sprint(v))
		}
		fmt.Fprintln(&b, strings.Join(cells, ","))
	}
	return b.String()
}

func read(s *safex.System, text string) (*logs.Log, error) {
	return logs.Default().Read(s, "log.csv", []byte(text))
}

// A log without a fault is read without a note, with or without stamps and formulas, and its transitions are those that were recorded.
func TestRead(t *testing.T) {
	for _, formulas := range []bool{true, false} {
		s := pendulum(t, formulas)
		h := swings(t, s2(t), 4, 0.6)
		l, err := read(s, h.csv())
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Notes) > 0 || l.Data.Len() != 4*99 || l.Episodes() != 4 || len(l.Data.Episodes()) != 4 || l.Rows != 400 {
			t.Errorf("%d transitions, %d episodes, %d rows, notes %q", l.Data.Len(), l.Episodes(), l.Rows, l.Notes)
		}
		for i := range l.Data.Len() {
			row := h.rows[l.Line[i]-2]
			next := h.rows[l.Line[i]-1]
			if !slices.Equal(l.Data.X.Point(i), row[2:5]) || l.Data.U[0][i] != row[5] || !slices.Equal(l.Data.Next.Point(i), next[2:5]) {
				t.Fatalf("transition %d of line %d is not that of the file", i, l.Line[i])
			}
		}
		if again, err := read(s, h.without("time").csv()); err != nil || !same(l.Data, again.Data) {
			t.Errorf("without time: %v, or other data", err)
		}
		// Its own form is read back to the bit.
		clean := l.CSV(s)
		again, err := read(s, string(clean))
		if err != nil || len(again.Notes) > 0 || !same(l.Data, again.Data) || !slices.Equal(l.Episode, again.Episode) {
			t.Errorf("its own form: %v, or other data", err)
		}
		if !bytes.Equal(clean, again.CSV(s)) {
			t.Error("its own form is another the second time")
		}
	}
}

// s2 is the pendulum that is recorded.
func s2(t testing.TB) *safex.System { return pendulum(t, true) }

// same tells whether data agree to the bit.
func same(a, b *safex.Data) bool {
	for _, c := range []struct{ a, b [][]float64 }{{a.X, b.X}, {a.U, b.U}, {a.Next, b.Next}} {
		for k := range c.a {
			if !slices.Equal(c.a[k], c.b[k]) {
				return false
			}
		}
	}
	return slices.EqualFunc(a.Episodes(), b.Episodes(), func(x, y [2]int) bool { return x == y })
}

// Each fault is named in a sentence, of a task with formulas and of one without.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		spoil   func(h *sheet) string
		says    string // of the error, or of a note
		refused bool
		formula bool // it takes formulas to see
	}{
		{"degrees", func(h *sheet) string {
			h.each("omega", func(v float64) float64 { return v * 180 / math.Pi })
			return h.csv()
		}, "column omega is probably in degrees", true, false},
		{"angle in degrees", func(h *sheet) string {
			for _, row := range h.rows {
				row[2] = math.Atan2(row[3], row[2]) * 180 / math.Pi
			}
			h.names[2] = "theta"
			return h.without("sin").csv()
		}, "column theta is probably in degrees", true, false},
		{"all in degrees", func(h *sheet) string {
			for _, row := range h.rows {
				row[2] = math.Atan2(row[3], row[2]) * 180 / math.Pi
			}
			h.names[2] = "theta"
			h.each("omega", func(v float64) float64 { return v * 180 / math.Pi })
			return h.without("sin").csv()
		}, "is probably in degrees", true, false},
		{"sampling time", func(h *sheet) string {
			h.each("time", func(v float64) float64 { return v / 5 })
			return h.csv()
		}, "its sampling time is wrong: rows are 0.01 s apart, and a step of task \"pendulum\" takes 0.05 s: keep one row of every 5", true, false},
		{"sampling time without time", func(h *sheet) string {
			thin := &sheet{names: h.names}
			for i, row := range h.rows {
				if i%3 == 0 && int(row[0]) == int(h.rows[min(i+3, len(h.rows)-1)][0]) {
					thin.rows = append(thin.rows, row)
				}
			}
			return thin.without("time").csv()
		}, "its sampling time is probably wrong: a step of the log is ", true, false},
		{"milliseconds", func(h *sheet) string {
			h.each("time", func(v float64) float64 { return v * 1000 })
			return h.csv()
		}, "its time is in milliseconds: divide it by 1000", true, false},
		{"swapped columns", func(h *sheet) string {
			h.names[2], h.names[3] = h.names[3], h.names[2]
			return h.csv()
		}, "columns cos and sin are probably swapped", true, false},
		{"swapped columns off the circle", func(h *sheet) string {
			h.names[3], h.names[4] = h.names[4], h.names[3]
			return h.csv()
		}, "columns sin and omega are probably swapped", true, false},
		{"constant column", func(h *sheet) string {
			h.each("torque", func(float64) float64 { return 0.25 })
			return h.csv()
		}, "column torque is constant, 0.25 in all rows", true, false},
		{"duplicated rows", func(h *sheet) string {
			h.rows = slices.Insert(h.rows, 30, h.rows[29])
			return h.csv()
		}, "rows that repeat the one before, with its time, were left out: line 32", false, false},
		{"duplicated rows without time", func(h *sheet) string {
			h.rows = slices.Insert(h.rows, 30, h.rows[29])
			return h.without("time").csv()
		}, "rows are there twice, each leading to itself and then elsewhere: line 32", true, false},
		{"a stretch twice", func(h *sheet) string {
			for _, row := range h.rows[:100] {
				row = slices.Clone(row)
				row[0] = 9
				h.rows = append(h.rows, row)
			}
			return h.csv()
		}, "99 of 495 transitions are there twice, from line 402 on those of line 2", true, false},
		{"actions beyond", func(h *sheet) string {
			h.each("torque", func(v float64) float64 { return 2 * v })
			return h.csv()
		}, "torque is beyond [-1, 1] in ", true, false},
		{"clipped actions", func(h *sheet) string {
			h.each("torque", func(v float64) float64 { return min(max(v, -0.5), 0.5) })
			return h.csv()
		}, "action torque is exactly -0.5 in 56 and 0.5 in 80 of 396 rows", false, false},
		{"a jump", func(h *sheet) string {
			return h.without("episode", "time").csv()
		}, "the state jumps", false, false},
		{"a jump within an episode", func(h *sheet) string {
			h.each("episode", func(float64) float64 { return 0 })
			return h.without("time").csv()
		}, "within an episode, at lines 102, 202 and 302: if the system was put back there", false, false},
		{"NaN", func(h *sheet) string {
			h.rows[10][4], h.rows[20][3] = math.NaN(), math.NaN()
			return h.csv()
		}, "rows without a number in omega, sin were left out, and a trajectory ends before each: lines 12 and 22", false, false},
		{"NaN of an action", func(h *sheet) string {
			h.rows[10][5] = math.NaN()
			return h.csv()
		}, "rows without a number in an action were left out, and a trajectory ends there: line 12", false, false},
		{"decimal commas", func(h *sheet) string {
			return strings.NewReplacer(",", ";", ".", ",").Replace(h.csv())
		}, "numbers have decimal commas, as in line 2, and were read so", false, false},
		{"decimal commas between commas", func(h *sheet) string {
			head, rest, _ := strings.Cut(h.csv(), "\n")
			return head + "\n" + strings.ReplaceAll(rest, ".", ",")
		}, "if numbers have decimal commas, export with semicolons", true, false},
		{"a byte order mark", func(h *sheet) string { return "\xef\xbb\xbf" + h.csv() }, "the file begins with a byte order mark (BOM)", false, false},
		{"UTF-16", func(h *sheet) string { return "\xff\xfeepisode" }, "save it as UTF-8", true, false},
		{"a gap", func(h *sheet) string {
			h.rows = slices.Delete(h.rows, 50, 53)
			return h.csv()
		}, "rows are not a step apart, as some are missing, and a new trajectory begins, at line 52", false, false},
		{"a row too many", func(h *sheet) string {
			row := slices.Clone(h.rows[50])
			row[1] -= 0.04
			h.rows = slices.Insert(h.rows, 50, row)
			return h.csv()
		}, "rows are not a step apart, as some are missing, and a new trajectory begins, at line 52", false, false},
		{"a missing column", func(h *sheet) string { return h.without("omega").csv() }, "it has no column omega", true, false},
		{"a word", func(h *sheet) string { return strings.Replace(h.csv(), "0,0.05,", "0,soon,", 1) }, `line 3: time is "soon", want a number`, true, false},
		{"another unit in the head", func(h *sheet) string { return strings.Replace(h.csv(), "omega", "omega [deg/s]", 1) }, "column omega is in deg/s, and the task wants rad/s: divide it by 57.29578", true, false},
		{"columns of no use", func(h *sheet) string { return strings.Replace(h.csv(), "time,", "battery,", 1) }, "were passed over: battery", false, false},
		{"cut short", func(h *sheet) string { return h.csv() + "3,5.0,0.1" }, "line 402 has 3 cells and the head 6", true, false},
		{"no sine", func(h *sheet) string {
			h.each("sin", func(v float64) float64 { return 0.5 * v })
			h.each("cos", func(v float64) float64 { return 0.5 * v })
			return h.csv()
		}, "are no sine and cosine of one angle", true, false},
		{"empty", func(h *sheet) string { return "" }, "it is empty", true, false},
		{"names alone", func(h *sheet) string { return strings.Join(h.names, ",") + "\n" }, "no row below them", true, false},
		{"no names", func(h *sheet) string { _, rest, _ := strings.Cut(h.csv(), "\n"); return rest }, "its first row holds numbers", true, false},
	} {
		for _, formulas := range []bool{true, false} {
			if c.formula && !formulas {
				continue
			}
			t.Run(fmt.Sprintf("%s, formulas %v", c.name, formulas), func(t *testing.T) {
				s := pendulum(t, formulas)
				text := c.spoil(swings(t, s2(t), 4, 0.6))
				l, err := read(s, text)
				if c.refused {
					if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
						t.Fatalf("%v, want an error with %q", err, c.says)
					}
					if !strings.HasPrefix(err.Error(), "logs: log.csv: ") {
						t.Errorf("%v does not name the file", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(l.Notes) != 1 || !strings.Contains(l.Notes[0], c.says) {
					t.Errorf("notes %q, want one with %q", l.Notes, c.says)
				}
			})
		}
	}
}

// A clock that goes on over several trips tells them apart by the long gaps between them, and short gaps are within one.
func TestTripsOfAClock(t *testing.T) {
	s := pendulum(t, true)
	h := swings(t, s, 3, 0.6)
	for _, row := range h.rows {
		row[1] += 100 * row[0]
	}
	h.rows = slices.Delete(h.rows, 50, 53)
	l, err := read(s, h.without("episode").csv())
	if err != nil || l.Episodes() != 3 || len(l.Data.Episodes()) != 4 {
		t.Errorf("%v: %d episodes, %d trajectories", err, l.Episodes(), len(l.Data.Episodes()))
	}
}
