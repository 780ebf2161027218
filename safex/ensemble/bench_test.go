package ensemble

import (
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

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
			t, back, err := borrow(recipe{e.shape(3, 1), e.Batch, e.LearningRate, e.WeightDecay})
			if err != nil {
				b.Fatal(err)
			}
			defer back()
			if err := t.set(fresh(t.shape, rng.New(1))); err != nil {
				b.Fatal(err)
			}
			set := prepare(s, data, e.HoldOut)
			decks := make([]deck, t.members)
			for k := range decks {
				decks[k] = newDeck(len(set.train), rng.New(2).At(k))
			}
			x, y := make([]float32, t.members*t.in*t.batch), make([]float32, t.members*t.out*t.batch)
			for b.Loop() {
				set.draw(x, y, t, decks)
				if _, err := t.step.Call(
					tensors.FromFlatDataAndDimensions(x, t.members, t.in, t.batch),
					tensors.FromFlatDataAndDimensions(y, t.members, t.out, t.batch)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}
