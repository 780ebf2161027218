package logs_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/logs"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// recorded are episodes of s in which it does as policy says, as a table with the columns episode, state and action.
func recorded(t testing.TB, s *safex.System, episodes, steps int, policy func(k int) safex.Policy) string {
	t.Helper()
	short := *s
	short.Steps = steps
	var b strings.Builder
	b.WriteString("episode")
	for _, v := range slices.Concat(s.State, s.Action) {
		fmt.Fprintf(&b, ",%s", v.Name)
	}
	b.WriteString("\n")
	for k := range episodes {
		e, err := short.Simulate(policy(k), rng.New(3).Child("log").At(k))
		if err != nil {
			t.Fatal(err)
		}
		for i, u := range e.Actions {
			fmt.Fprint(&b, k)
			for _, v := range slices.Concat(e.States[i], u) {
				fmt.Fprintf(&b, ",%v", v)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// Nothing is found in sound logs of any task: gentle or bold, with noise or without, with formulas or without. The one thing that is is the turn rate
// of the pitch, whose unit says what its formulas do not.
func TestNothingIsFound(t *testing.T) {
	for _, name := range tasks.Names() {
		maker, ok := tasks.New(name)
		if !ok {
			t.Fatal(name)
		}
		for _, noise := range []bool{false, true} {
			task := maker.Task()
			if noise {
				for _, v := range task.State {
					if v.Name != "sin" && v.Name != "cos" {
						task.Disturbances = append(task.Disturbances, safex.Disturbance{Kind: safex.ProcessNoise, On: v.Name, Size: 0.005 * v.Scale})
					}
				}
			}
			s, err := task.System()
			if err != nil {
				t.Fatal(err)
			}
			for what, policy := range map[string]func(k int) safex.Policy{
				"gentle":   func(k int) safex.Policy { return s.RandomPolicy(true, rng.New(5).At(k)) },
				"coloured": func(k int) safex.Policy { return s.ColouredPolicy(0.9, 0.3, rng.New(5).At(k)) },
				"bang":     func(k int) safex.Policy { return bang(s, rng.New(5).At(k)) },
			} {
				if name == "safempc" { // which nobody records as it falls
					policy = beside(s, policy)
				}
				text := recorded(t, s, 5, 60, policy)
				for _, formulas := range []bool{true, false} {
					read := *s
					if !formulas {
						read.Dynamics = nil
					}
					l, err := logs.Default().Read(&read, "log.csv", []byte(text))
					if name == "pitch" && !formulas && what == "coloured" {
						if err == nil || !strings.Contains(err.Error(), "what the rates of the state make") {
							t.Errorf("%s, %s: %v, want the rate that is none named", name, what, err)
						}
						continue
					}
					if err != nil {
						t.Errorf("%s, %s, noise %v, formulas %v: %v", name, what, noise, formulas, err)
						continue
					}
					for _, n := range l.Notes {
						if !strings.Contains(n, "it was cut there") { // as coloured noise is
							t.Errorf("%s, %s, noise %v, formulas %v: %q", name, what, noise, formulas, n)
						}
					}
				}
			}
		}
	}
}

// beside adds a tenth of what policy does to what the backup does.
func beside(s *safex.System, policy func(k int) safex.Policy) func(k int) safex.Policy {
	return func(k int) safex.Policy {
		of := policy(k)
		return func(t int, x []float64) []float64 {
			u := s.Backup.Action(x)
			for d, v := range of(t, x) {
				u[d] = min(1, max(-1, u[d]+0.1*v))
			}
			return u
		}
	}
}

// bang switches each action between two values.
func bang(s *safex.System, src rng.Stream) safex.Policy {
	return func(t int, _ []float64) []float64 {
		u, r := make([]float64, len(s.Action)), src.At(t/5).Rand()
		for k := range u {
			u[k] = s.Gentle(k, 1)
			if r.Float64() < 0.5 {
				u[k] = s.Gentle(k, -1)
			}
		}
		return u
	}
}

// The same log is read in every form that a spreadsheet gives it, and an angle in place of its sine and cosine.
func TestForms(t *testing.T) {
	s := pendulum(t, true)
	h := swings(t, s, 3, 0.6)
	want, err := read(s, h.csv())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"CRLF":       strings.ReplaceAll(h.csv(), "\n", "\r\n"),
		"tabs":       strings.ReplaceAll(h.csv(), ",", "\t"),
		"semicolons": strings.ReplaceAll(h.csv(), ",", ";"),
		"comments":   "# recorded on the bench\n" + h.csv(),
		"spaces":     strings.ReplaceAll(h.csv(), ",", ", "),
		"units":      strings.Replace(strings.Replace(h.csv(), "omega", "omega [rad/s]", 1), "torque", "torque (Nm)", 1),
		"words":      strings.ReplaceAll(h.csv(), "\n1,", "\nsecond,"),
		"quotes":     quoted(h.csv()),
	} {
		l, err := read(s, text)
		if err != nil || !same(l.Data, want.Data) || len(l.Notes) > 0 {
			t.Errorf("%s: %v, or other data, or notes", name, err)
		}
	}
	for _, row := range h.rows {
		row[2] = math.Atan2(row[3], row[2])
	}
	h.names[2] = "theta"
	l, err := read(s, h.without("sin").csv())
	if err != nil || len(l.Notes) > 0 {
		t.Fatalf("an angle: %v, or notes", err)
	}
	for i := range want.Data.Len() {
		for d := range 2 {
			if math.Abs(l.Data.X[d][i]-want.Data.X[d][i]) > 1e-12 {
				t.Fatalf("an angle: transition %d has %v, want %v", i, l.Data.X.Point(i), want.Data.X.Point(i))
			}
		}
	}
}

// quoted is a table with every cell within quotes.
func quoted(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		fmt.Fprintf(&b, "\"%s\"\n", strings.ReplaceAll(strings.TrimSpace(line), ",", `","`))
	}
	return b.String()
}

// An action in a physical unit is what its range makes of it.
func TestRanges(t *testing.T) {
	s := pendulum(t, true)
	h := swings(t, s, 3, 0.6)
	want, err := read(s, h.csv())
	if err != nil {
		t.Fatal(err)
	}
	h.each("torque", func(v float64) float64 { return 5 + 8*v })
	c := logs.Default()
	c.Ranges = map[string]logs.Range{"torque": {AtMinus1: -3, At1: 13}}
	l, err := c.Read(s, "log.csv", []byte(h.csv()))
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Data.Len() {
		if math.Abs(l.Data.U[0][i]-want.Data.U[0][i]) > 1e-12 {
			t.Fatalf("transition %d: %v, want %v", i, l.Data.U[0][i], want.Data.U[0][i])
		}
	}
	c.Ranges = map[string]logs.Range{"force": {AtMinus1: -3, At1: 13}}
	if _, err := c.Read(s, "log.csv", []byte(h.csv())); err == nil || !strings.Contains(err.Error(), `there is a range for "force", which is no action`) {
		t.Errorf("a range of no action: %v", err)
	}
	c.Ranges = map[string]logs.Range{"torque": {AtMinus1: 3, At1: 3}}
	if _, err := c.Read(s, "log.csv", []byte(h.csv())); err == nil || !strings.Contains(err.Error(), "want two numbers that differ") {
		t.Errorf("a range of one number: %v", err)
	}
}

// What is trusted is taken as it is, with a note.
func TestTrust(t *testing.T) {
	s := pendulum(t, true)
	h := swings(t, s, 3, 0.6)
	h.each("torque", func(float64) float64 { return 0.25 })
	c := logs.Default()
	c.Trust = true
	l, err := c.Read(s, "log.csv", []byte(h.csv()))
	if err != nil || len(l.Notes) != 1 || !strings.Contains(l.Notes[0], "column torque is constant") || l.Data.U[0][7] != 0.25 {
		t.Errorf("%v, or no note", err)
	}
}

// Joined logs are all their transitions, none of which goes on from one to the next; the summary counts what breaks a limit.
func TestJoinAndSummary(t *testing.T) {
	p := tasks.DefaultPendulum()
	p.MaxSpeed = 1
	s, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	h := swings(t, s, 2, 0.6)
	l, err := read(s, h.csv())
	if err != nil {
		t.Fatal(err)
	}
	both := logs.Join(l, l)
	sum := logs.Summarize(s, both)
	if sum.Transitions != 4*99 || sum.Episodes != 4 || sum.Trajectories != 4 || sum.Rows != 400 {
		t.Errorf("%+v", sum)
	}
	beyond, fastest := 0, 0.0
	for i, v := range l.Data.Next[2] {
		if math.Abs(v) > 1 {
			beyond++
		}
		fastest = max(fastest, math.Abs(l.Data.Next[2][i]))
	}
	if sum.Limits[0].Transitions != 2*beyond || beyond == 0 || math.Abs(sum.Limits[0].Worst-(fastest-1)) > 1e-12 {
		t.Errorf("%+v, want %d transitions beyond the limit, the worst by %v", sum.Limits, 2*beyond, fastest-1)
	}
	if c := sum.Columns[2]; c.Name != "omega" || c.Scale != 4 || !(c.Spread > 0) || !(c.Step > 0) || !(c.Least < c.Most) {
		t.Errorf("%+v", c)
	}
}

// A run's own steps.csv is a log: its rows are transitions by themselves.
func TestPairs(t *testing.T) {
	s := pendulum(t, true)
	h := swings(t, s, 3, 0.6)
	l, err := read(s, h.csv())
	if err != nil {
		t.Fatal(err)
	}
	clean := l.CSV(s)
	lines := bytes.Split(clean, []byte("\n"))
	shuffled := slices.Clone(lines[1 : len(lines)-1])
	slices.Reverse(shuffled)
	text := bytes.Join(append([][]byte{lines[0]}, shuffled...), []byte("\n"))
	again, err := read(s, string(text))
	if err != nil || again.Data.Len() != l.Data.Len() || len(again.Data.Episodes()) != l.Data.Len() {
		t.Errorf("%v: pairs in any order are transitions, each a trajectory by itself: %d of %d", err, again.Data.Len(), l.Data.Len())
	}
	if _, err := read(s, strings.Replace(string(clean), "next_omega", "omega_after", 1)); err == nil || !strings.Contains(err.Error(), "it has no column next_omega") {
		t.Errorf("a next state of two dimensions: %v", err)
	}
}

// A column in degrees is named whichever it is, of every task that has one in rad: with its formulas and, but for the aircraft, without.
func TestDegrees(t *testing.T) {
	tried, missed := 0, 0
	for _, name := range tasks.Names() {
		maker, _ := tasks.New(name)
		s, err := maker.Task().System()
		if err != nil {
			t.Fatal(err)
		}
		text := recorded(t, s, 5, 60, func(k int) safex.Policy { return s.ColouredPolicy(0.9, 0.3, rng.New(5).At(k)) })
		for d, v := range s.State {
			if !strings.HasPrefix(v.Unit, "rad") {
				continue
			}
			var b strings.Builder
			for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
				cells := strings.Split(line, ",")
				if x, err := strconv.ParseFloat(cells[1+d], 64); i > 0 && err == nil {
					cells[1+d] = fmt.Sprint(x * 57.29578)
				}
				fmt.Fprintln(&b, strings.Join(cells, ","))
			}
			want := fmt.Sprintf("column %s is probably in degrees", v.Name)
			if _, err := logs.Default().Read(s, "log.csv", []byte(b.String())); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
			if name == "pitch" {
				continue // whose rate is none
			}
			bare := *s
			bare.Dynamics = nil
			tried++
			if _, err := logs.Default().Read(&bare, "log.csv", []byte(b.String())); err == nil || !strings.Contains(err.Error(), want) {
				missed++
				t.Logf("%s without formulas: %v, want %q", name, err, want)
			}
		}
	}
	if tried < 4 || missed > 0 {
		t.Errorf("without formulas %d of %d are missed", missed, tried)
	}
}
