package bench

import (
	"context"
	"fmt"
)

// fits measures gradient steps a second. A fit is timed as a whole, with the drawing of batches and the looks at held-out
// transitions, and goes on from a model of the same number of steps, so that nothing is compiled in it.
func (b *bench) fits(ctx context.Context) error {
	for _, width := range b.FitWidths {
		r := b.recipe(pendulum, width, b.Activations[0], b.FitSteps)
		s, m, err := b.model(ctx, r)
		if err != nil {
			return err
		}
		_, data, err := b.task(r)
		if err != nil {
			return err
		}
		l, err := r.learner(fmt.Sprintf("learner.MinSteps=%d", b.FitSteps))
		if err != nil {
			return err
		}
		seconds, turns, err := b.repeat(ctx, func() error {
			_, err := l.Learn(ctx, s, data, m, b.src.Child("fit"))
			return err
		})
		if err != nil {
			return err
		}
		err = b.add(Row{
			What: fits, Task: pendulum, Hidden: width, Activation: r.activation, Members: b.Members, Batch: b.FitBatch,
			StepsPerS: float64(b.FitSteps) / seconds[0], Repetitions: turns,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
