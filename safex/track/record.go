package track

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/study"
)

// A record is what is told of a run, read from its folder alone.
type record struct {
	dir      string
	yaml     []byte                    // run.yaml
	written  time.Time                 // when that was
	config   map[string]jsontext.Value // the same, by its first names
	began    time.Time                 // to the second
	group    string                    // the study and the method
	job      string                    // the planner and the model
	name     string                    // the seed
	tags     []string
	finished bool
	episodes []line
	trouble  error // that leaves something out, but not the rest
}

// A line is an episode.
type line struct {
	number  int
	seconds float64 // that the run had computed when it ended
	values  []value
	counts  []int // violating steps of this and every episode before
	figures []figure
}

// A value is a number with its name.
type value struct {
	name string
	v    float64
}

// A figure is a PNG of the run.
type figure struct {
	name          string // without its number
	all           bool   // of all episodes so far
	data          []byte
	width, height int
}

// read is the record of the first n episodes of the run folder dir.
func read(dir string, n int) (*record, error) {
	r := &record{dir: dir, config: map[string]jsontext.Value{}}
	if n == 0 {
		return r, nil
	}
	saved, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	s, system, sums, episodes := saved.Spec, saved.System, saved.Summaries, saved.Episodes
	if r.yaml, r.written, err = store.Text(dir); err != nil {
		return nil, err
	}
	text, err := encode.JSON(s)
	if err == nil {
		err = encode.Decode(text, &r.config)
	}
	if err != nil {
		return nil, fmt.Errorf("track: %s: %w", dir, err)
	}
	if r.began, err = r.when(dir); err != nil {
		return nil, err
	}
	r.job = s.PlannerName() + "-" + s.ModelName()
	r.group = s.TaskName() + "/" + s.Method()
	if group := group(dir); group != "" {
		r.group = group
	}
	r.name, r.tags = fmt.Sprintf("seed %d", s.Seed), []string{s.TaskName(), s.PlannerName(), s.ModelName()}
	validations, err := validations(dir)
	if err != nil {
		r.trouble = err
	}
	if len(sums) < n || len(episodes) < n {
		return nil, fmt.Errorf("track: %s has the summaries of %d and the steps of %d episodes, want %d: a file was changed", dir, len(sums), len(episodes), n)
	}
	seconds, planned, counts := 0.0, 0, []int{}
	for i, sum := range sums[:n] {
		if sum.Steps != len(episodes[i].Actions) {
			return nil, fmt.Errorf("track: %s: episode %d has %d steps in its summary and %d in steps.csv: one was changed", dir, i, sum.Steps, len(episodes[i].Actions))
		}
		seconds += float64(sum.Steps)*sum.PlanP50/1000 + sum.FitSeconds
		counts = append(counts, sum.Violations)
		if sum.Phase == safex.PlannedPhase {
			planned++
		}
		values := measure(s, system, sum, episodes[i], planned)
		if k := slices.IndexFunc(saved.Evaluated, func(e store.Summary) bool { return e.Episode == i }); k >= 0 {
			values = append(values, evaluated(saved.Evaluated[k])...)
		}
		if v := slices.IndexFunc(validations, func(v validation) bool { return v.Episode == i }); v >= 0 {
			values = append(values, validations[v].values()...)
		}
		r.episodes = append(r.episodes, line{number: i, seconds: seconds, values: values, counts: slices.Clip(counts)})
	}
	r.finished = n == s.Episodes+1
	r.draw()
	return r, nil
}

// The names by which what is there says when the run began.
var (
	eventFile  = regexp.MustCompile(`^events\.out\.tfevents\.(\d{10,})\.safex\.(\d{7})$`)
	offlineRun = regexp.MustCompile(`^offline-run-(\d{8}_\d{6})-([0-9a-z]+)$`)
)

// stamp is the time in the name of an offline run.
const stamp = "20060102_150405"

// when is when the run began: by the files that were written for it before, or else by run.yaml.
func (r *record) when(dir string) (time.Time, error) {
	entries, _ := os.ReadDir(filepath.Join(dir, "tensorboard"))
	for _, e := range entries {
		if m := eventFile.FindStringSubmatch(e.Name()); m != nil {
			if seconds, err := strconv.ParseInt(m[1], 10, 64); err == nil {
				return time.Unix(seconds, 0).UTC(), nil
			}
		}
	}
	if when, _, ok := offline(dir); ok {
		return when, nil
	}
	return r.written.UTC().Truncate(time.Second), nil
}

// offline is the offline run that is there: when it began, and its id.
func offline(dir string) (began time.Time, id string, ok bool) {
	entries, _ := os.ReadDir(filepath.Join(dir, "wandb"))
	for _, e := range entries {
		if m := offlineRun.FindStringSubmatch(e.Name()); m != nil && e.IsDir() {
			if when, err := time.Parse(stamp, m[1]); err == nil {
				return when, m[2], true
			}
		}
	}
	return time.Time{}, "", false
}

// group is the name of the study that a run folder belongs to, with the folder of its method; "" if it belongs to none.
func group(dir string) string {
	for _, root := range study.Roots(dir) {
		s, err := study.Of(root)
		if err != nil {
			continue
		}
		abs, err := filepath.Abs(dir)
		if err != nil {
			return ""
		}
		if method, err := filepath.Rel(root, filepath.Dir(abs)); err == nil {
			return s.Name + "/" + filepath.ToSlash(method)
		}
	}
	return ""
}

// numbered is a figure of an episode.
var numbered = regexp.MustCompile(`^(.+)-(\d+)$`)

// draw gives each figure to its episode, and those without a number to the last.
func (r *record) draw() {
	names, err := filepath.Glob(filepath.Join(r.dir, "figures", "*.png"))
	if err != nil {
		return // a pattern in the name of the folder
	}
	for _, path := range names {
		f, number := figure{name: strings.TrimSuffix(filepath.Base(path), ".png"), all: true}, len(r.episodes)-1
		if m := numbered.FindStringSubmatch(f.name); m != nil {
			n, err := strconv.Atoi(m[2])
			if err != nil || n >= len(r.episodes) {
				continue
			}
			f.name, f.all, number = m[1], false, n
		}
		data, err := os.ReadFile(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				r.trouble = fmt.Errorf("track: %w", err)
			}
			continue
		}
		size, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			r.trouble = fmt.Errorf("track: %s is no picture: %w", path, err)
			continue
		}
		f.data, f.width, f.height = data, size.Width, size.Height
		r.episodes[number].figures = append(r.episodes[number].figures, f)
	}
}

// wall is the time of an episode, in seconds since 1970.
func (r *record) wall(e line) float64 { return float64(r.began.Unix()) + e.seconds }
