package track

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A validation is a line of validation.jsonl: what the model at the end of an episode predicted of the validation points, over
// points and dimensions.
type validation struct {
	Episode   int     `json:"episode"`
	Epistemic float64 `json:"epistemic_mean"`
	Spread    float64 `json:"epistemic_std"`
	Aleatoric float64 `json:"aleatoric_mean"`
	MSE       float64 `json:"mse"`
}

const validationFile = "validation.jsonl"

func (v validation) values() []value {
	return []value{
		{"Mean epistemic uncertainty", v.Epistemic}, {"Std epistemic uncertainty", v.Spread},
		{"Mean aleatoric uncertainty", v.Aleatoric}, {"Validation MSE", v.MSE},
	}
}

// validations reads validation.jsonl of the run folder dir; there may be none.
func validations(dir string) (lines []validation, err error) {
	path := filepath.Join(dir, validationFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("track: %w", err)
	}
	for line := range bytes.Lines(text) {
		var v validation
		if err := encode.Decode(line, &v); err != nil {
			return nil, fmt.Errorf("track: %s, line %d is damaged: %w", path, len(lines)+1, err)
		}
		lines = append(lines, v)
	}
	return lines, nil
}

// A validator adds to validation.jsonl of a run while it runs.
type validator struct {
	run    *store.Run
	points *safex.Data // nil until they are needed
}

// note writes the line of an episode that is over, and removes those of episodes that will be run again.
func (v *validator) note(s *train.State) error {
	if !s.Over || s.Model == nil || v.run.System.Outside() { // of a plant nobody has the truth
		return nil
	}
	if v.points == nil {
		points, err := points(v.run.Spec)
		if err != nil {
			return err
		}
		v.points = points
	}
	was, err := validations(v.run.Dir)
	if err != nil {
		return err
	}
	now, err := validate(s.Model, v.points)
	if err != nil {
		return err
	}
	now.Episode = s.Episode.Number
	var lines bytes.Buffer
	for _, old := range was {
		if old.Episode < now.Episode {
			if err := encode.Lines(&lines, old); err != nil {
				return fmt.Errorf("track: %w", err)
			}
		}
	}
	if err := encode.Lines(&lines, now); err != nil {
		return fmt.Errorf("track: validation of episode %d: %w", now.Episode, err)
	}
	return write(v.run.Dir, validationFile, lines.Bytes())
}

// points are 500 transitions of the task of s without disturbances, spread over at least five episodes of coloured noise. Next is where
// the dynamics lead.
func points(s *experiment.Spec) (*safex.Data, error) {
	system, err := s.Task.Task().System()
	if err != nil {
		return nil, err
	}
	const want, correlation, deviation = 500, 0.9, 0.4
	all, src := &safex.Data{}, rng.New(0).Child("validation")
	for k := 0; k < 5 || all.Len() < want; k++ {
		src := src.At(k)
		e, err := system.Simulate(system.ColouredPolicy(correlation, deviation, src.Child("noise")), src)
		if err != nil {
			return nil, fmt.Errorf("track: validation: %w", err)
		}
		for t, u := range e.Actions {
			all.Append(e.States[t], u, e.States[t+1])
		}
	}
	rows := map[int]bool{}
	for i := range want {
		rows[i*all.Len()/want] = true
	}
	return all.Pick(func(row int) bool { return rows[row] }), nil
}

// validate compares what m predicts of the points with where they lead.
func validate(m safex.Model, points *safex.Data) (v validation, err error) {
	var p safex.Prediction
	if err := m.Predict(&p, points.X, points.U); err != nil {
		return v, fmt.Errorf("track: validation: %w", err)
	}
	var epistemic, aleatoric, squares []float64
	for d, next := range points.Next {
		for i, y := range next {
			epistemic = append(epistemic, p.Epistemic[d][i])
			aleatoric = append(aleatoric, p.Aleatoric[d][i])
			squares = append(squares, (y-p.Mean[d][i])*(y-p.Mean[d][i]))
		}
	}
	v = validation{Epistemic: stat.Mean(epistemic, nil), Spread: math.Sqrt(stat.PopVariance(epistemic, nil)), Aleatoric: stat.Mean(aleatoric, nil), MSE: stat.Mean(squares, nil)}
	return v, nil
}
