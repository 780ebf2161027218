package safex_test

import (
	"reflect"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
)

// Data know their episodes, also after some rows are left out, and a row before the first beginning is of an episode.
func TestDataEpisodes(t *testing.T) {
	d := &safex.Data{}
	if got := d.Episodes(); got != nil {
		t.Errorf("no data are episodes %v", got)
	}
	for i := range 10 {
		if i == 2 || i == 5 || i == 6 {
			d.Begin()
			d.Begin() // again says nothing new
		}
		d.Append([]float64{float64(i)}, []float64{0}, []float64{0})
	}
	d.Begin() // nothing follows
	if want := [][2]int{{0, 2}, {2, 5}, {5, 6}, {6, 10}}; !reflect.DeepEqual(d.Episodes(), want) {
		t.Errorf("episodes %v, want %v", d.Episodes(), want)
	}
	even := d.Pick(func(row int) bool { return row%2 == 0 })
	if want := []float64{0, 2, 4, 6, 8}; !reflect.DeepEqual(even.X[0], want) {
		t.Errorf("picked %v, want %v", even.X[0], want)
	}
	if want := [][2]int{{0, 1}, {1, 3}, {3, 5}}; !reflect.DeepEqual(even.Episodes(), want) {
		t.Errorf("episodes of the picked %v, want %v", even.Episodes(), want)
	}
	even.X[0][0] = 7
	if d.X[0][0] != 0 {
		t.Error("picked rows are not copies")
	}
}
