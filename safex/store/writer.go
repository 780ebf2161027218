package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A writer keeps one run in its folder, while it runs.
type writer struct {
	dir      string
	columns  []column // of steps.csv
	codec    safex.Codec
	episodes []Summary // complete ones
	past     []byte    // lines of steps.csv of complete episodes, as text: their cells would take several times as much memory
	steps    int       // lines of past
	saved    []string  // the files that hold the models
	swept    bool
}

// newWriter returns a writer for a new run in the folder that Create made.
func newWriter(dir string, s *safex.System, k safex.Codec) *writer {
	return &writer{dir: dir, columns: columns(s), codec: k}
}

// save writes the State between two steps. A run that is stopped after it, in whatever way, can
// go on from it with the same bits, but for a fit in the background, which is begun again. Call it with every State that completes an episode.
func (w *writer) save(system *safex.System, s *train.State) error {
	episodes, now := w.episodes, text(rows(w.columns, s.Episode))
	if s.Over {
		episodes = append(slices.Clip(episodes), Summarize(system, s.Episode))
	}
	if err := Write(w.dir, stepsFile, slices.Concat(text([][]string{header(w.columns)}), w.past, now)); err != nil {
		return err
	}
	var lines bytes.Buffer
	if err := encode.Lines(&lines, episodes...); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := Write(w.dir, episodesFile, lines.Bytes()); err != nil {
		return err
	}
	// A model is written before the state that names it, and removed after the state that no longer does.
	var files []string
	for _, m := range models(s) {
		files = append(files, m.file)
		if slices.Contains(w.saved, m.file) {
			continue
		}
		model, err := w.codec.Save(*m.at)
		if err != nil {
			return err
		}
		if err := Write(w.dir, m.file, model); err != nil {
			return err
		}
	}
	state, err := encodeState(s)
	if err != nil {
		return err
	}
	if err := Write(w.dir, stateFile, state); err != nil {
		return err
	}
	for _, old := range w.saved {
		if !slices.Contains(files, old) {
			os.Remove(filepath.Join(w.dir, old))
		}
	}
	w.saved = files
	w.sweep()
	if s.Over { // only now: a save that failed can be tried again
		w.episodes = episodes
		w.add(now, len(s.Episode.Actions))
	}
	return nil
}

// add counts the lines of a complete episode to the past.
func (w *writer) add(lines []byte, steps int) {
	w.past, w.steps = append(w.past, lines...), w.steps+steps
}

// text are rows as lines of CSV.
func text(rows [][]string) []byte {
	var b bytes.Buffer
	csv.NewWriter(&b).WriteAll(rows)
	return b.Bytes()
}

// sweep removes, once, what a process that was killed left behind: a model that no state names, and files that are not whole.
func (w *writer) sweep() {
	if w.swept {
		return
	}
	w.swept = true
	for _, pattern := range []string{"model/model-*.json", "model/.[ms]*", "figures/.*", "." + SpecFile + "*", "." + episodesFile + "*", "." + stepsFile + "*", "." + evaluationsFile + "*", "." + evaluationStepsFile + "*"} {
		paths, _ := filepath.Glob(filepath.Join(w.dir, pattern))
		for _, path := range paths {
			if !slices.ContainsFunc(w.saved, func(file string) bool { return path == filepath.Join(w.dir, file) }) {
				os.Remove(path)
			}
		}
	}
}

// kept is a model of a State and the file that it is kept in.
type kept struct {
	file string
	at   *safex.Model
}

// models are those of s, by the number of fits and of transitions that they know: none while it explores, and two if its Model was
// updated since the fit and a Filter judges by the fit.
func models(s *train.State) (all []kept) {
	if s.Fits == 0 {
		return nil
	}
	name := func(known int) string { return fmt.Sprintf("model/model-%d-%d.json", s.Fits, known) }
	all = []kept{{name(s.Updated), &s.Model}}
	if s.Guarded && s.Fitted != s.Updated {
		all = append(all, kept{name(s.Fitted), &s.Base})
	}
	return all
}

// resume reads the run folder dir of s: the State of its last save, whose data begin with so many logged transitions, and a writer that goes on there. A
// run that was never saved starts from its beginning.
func resume(dir string, s *safex.System, k safex.Codec, logged int) (*writer, *train.State, error) {
	w := newWriter(dir, s, k)
	path := filepath.Join(dir, stateFile)
	held, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, episodesFile)); err == nil {
			return nil, nil, fmt.Errorf("store: %s has no %s: it cannot go on; start another run", dir, stateFile)
		}
		return w, &train.State{}, nil
	}
	if err != nil {
		return nil, nil, cannot("read", path, err)
	}
	state, err := decodeState(held)
	if err != nil {
		return nil, nil, fmt.Errorf("store: %s: %w", path, err)
	}
	if state.Data == nil { // of a run that was never saved
		return w, state, nil
	}
	if w.saved, err = load(dir, s, k, state); err != nil {
		return nil, nil, err
	}
	// What is complete is read back from its files, which may be ahead of the state.
	complete := func(number int) bool {
		return number < state.Episode.Number || number == state.Episode.Number && state.Over
	}
	sums, err := Summaries(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, sum := range sums {
		if complete(sum.Episode) {
			w.episodes = append(w.episodes, sum)
		}
	}
	episodes, err := readSteps(s, dir)
	if err != nil {
		return nil, nil, err
	}
	done := 0
	for _, e := range explored(episodes, w.episodes) {
		if !complete(e.Number) {
			continue
		}
		if done >= len(w.episodes) || w.episodes[done].Episode != e.Number || w.episodes[done].Steps != len(e.Actions) {
			return nil, nil, fmt.Errorf("store: %s: %s and %s do not agree on episode %d: one of them was changed", dir, episodesFile, stepsFile, e.Number)
		}
		done++
		w.add(text(rows(w.columns, e)), len(e.Actions))
	}
	if want := state.Data.Len() - logged; done != len(w.episodes) || w.steps+under(state) != want {
		return nil, nil, fmt.Errorf("store: %s: %d complete episodes of %d steps, and a state after %d steps: a file was changed", dir, done, w.steps, want)
	}
	return w, state, nil
}

// load reads the models of a State of s from the run folder dir, and returns their files.
func load(dir string, s *safex.System, k safex.Codec, state *train.State) (files []string, err error) {
	for _, m := range models(state) {
		path := filepath.Join(dir, m.file)
		model, err := os.ReadFile(path)
		if err != nil {
			return nil, cannot("read", path, err)
		}
		if *m.at, err = k.Load(s, model); err != nil {
			return nil, fmt.Errorf("store: %s: %w", path, err)
		}
		files = append(files, m.file)
	}
	if state.Guarded && state.Base == nil {
		state.Base = state.Model
	}
	return files, nil
}

// under is the number of steps of the episode under way.
func under(s *train.State) int {
	if s.Over {
		return 0
	}
	return len(s.Episode.Actions)
}

// encodeState is a checksum and a gob of s without its model, which has a file of its own.
func encodeState(s *train.State) ([]byte, error) {
	bare := *s
	bare.Model, bare.Base = nil, nil
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(bare); err != nil {
		return nil, fmt.Errorf("store: state: %w", err)
	}
	sum := sha256.Sum256(b.Bytes())
	return append(sum[:], b.Bytes()...), nil
}

func decodeState(text []byte) (*train.State, error) {
	s := &train.State{}
	if len(text) < sha256.Size || sha256.Sum256(text[sha256.Size:]) != [sha256.Size]byte(text[:sha256.Size]) {
		return nil, fmt.Errorf("damaged: its checksum is wrong")
	}
	if err := gob.NewDecoder(bytes.NewReader(text[sha256.Size:])).Decode(s); err != nil {
		return nil, fmt.Errorf("of another version: %w", err)
	}
	return s, nil
}
