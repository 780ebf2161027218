package logs_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/logs"
)

// Whatever the text is, it is read into transitions of numbers whose own form is read back to the bit, or refused in one line that names the file.
func FuzzRead(f *testing.F) {
	s, bare := pendulum(f, true), pendulum(f, false)
	h := swings(f, s, 2, 0.6)
	h.rows = h.rows[90:130]
	for _, text := range []string{
		h.csv(), strings.NewReplacer(",", ";", ".", ",").Replace(h.csv()), "\xef\xbb\xbf" + h.csv(), h.without("episode", "time").csv(), "cos,sin,omega,torque\n1,0,,\n", "theta,omega,torque,next_theta,next_omega\n1,2,0.5,1,2\n",
	} {
		f.Add([]byte(text), true, false)
		f.Add([]byte(text), false, true)
	}
	f.Fuzz(func(t *testing.T, text []byte, formulas, trust bool) {
		s := s
		if !formulas {
			s = bare
		}
		c := logs.Settings{Trust: trust}
		l, err := c.Read(s, "log.csv", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "logs: log.csv: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			return
		}
		if err := l.Data.Check(); err != nil || l.Data.Len() == 0 || len(l.Line) != l.Data.Len() || len(l.Episode) != l.Data.Len() {
			t.Fatalf("%v: %d transitions", err, l.Data.Len())
		}
		logs.Summarize(s, l)
		clean := l.CSV(s)
		c.Trust = true // what was not doubted in one form may be in another
		again, err := c.Read(s, "log.csv", clean)
		if err != nil || !same(again.Data, l.Data) || !bytes.Equal(again.CSV(s), clean) {
			t.Fatalf("its own form: %v, or other data: %s", err, clean)
		}
	})
}
