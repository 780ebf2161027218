package ensemble

import (
	"fmt"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// BenchmarkFit reports gradient steps of the default batch a second, with the drawing of batches.
func BenchmarkFit(b *testing.B) {
	s, data := modeltest.Pendulum(b, 1000)
	for _, width := range []int{64, 128} {
		b.Run(fmt.Sprintf("width=%d", width), func(b *testing.B) {
			e := Default()
			e.Hidden = []int{width, width}
			t, back, err := borrow(e.recipe(e.shape(3, 1)))
			if err != nil {
				b.Fatal(err)
			}
			defer back()
			if err := t.set(fresh(t.shape, rng.New(1))); err != nil {
				b.Fatal(err)
			}
			set := e.prepare(s, data)
			draw := set.batches(t, e.decks(len(set.train), rng.New(2), rng.New(3)), rng.New(4).Rand())
			for b.Loop() {
				x, y := draw()
				if err := t.take(x, y, set.levels, e.LearningRate, e.Average); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}
