package track

import (
	"bytes"
	"encoding/json"
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

	"go.yaml.in/yaml/v3"

	"github.com/rischiboy/safe_exploration/safex/lab"
	"github.com/rischiboy/safe_exploration/safex/run"
)

// A record is what is told of a run, read from its folder alone.
type record struct {
	dir      string
	yaml     []byte                     // run.yaml
	config   map[string]json.RawMessage // the same, by its first names
	began    time.Time                  // to the second
	group    string                     // the study and the method
	job      string                     // the planner and the model
	name     string                     // the seed
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
	r := &record{dir: dir, config: map[string]json.RawMessage{}}
	if n == 0 {
		return r, nil
	}
	s := &lab.Settings{}
	if err := run.Settings(dir, s); err != nil {
		return nil, err
	}
	system, err := s.System()
	if err != nil {
		return nil, err
	}
	if r.yaml, err = os.ReadFile(filepath.Join(dir, "run.yaml")); err != nil {
		return nil, fmt.Errorf("track: %w", err)
	}
	text, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(text, &r.config)
	}
	if err != nil {
		return nil, fmt.Errorf("track: %s: %w", dir, err)
	}
	if r.began, err = began(dir); err != nil {
		return nil, err
	}
	r.job = s.Planner + "-" + s.Model
	r.group = s.Task + "/" + r.job
	if s.Calibrating != nil {
		r.group += "-" + s.Calibrate
	}
	if group := study(dir); group != "" {
		r.group = group
	}
	r.name, r.tags = fmt.Sprintf("seed %d", s.Seed), []string{s.Task, s.Planner, s.Model}
	sums, err := run.Summaries(dir)
	if err != nil {
		return nil, err
	}
	episodes, err := run.Episodes(system, dir)
	if err != nil {
		return nil, err
	}
	validations, err := validations(dir)
	if err != nil {
		r.trouble = err
	}
	if len(sums) < n || len(episodes) < n {
		return nil, fmt.Errorf("track: %s has the summaries of %d and the steps of %d episodes, want %d: a file was changed", dir, len(sums), len(episodes), n)
	}
	seconds, counts := 0.0, []int{}
	for i, sum := range sums[:n] {
		if sum.Steps != len(episodes[i].Actions) {
			return nil, fmt.Errorf("track: %s: episode %d has %d steps in its summary and %d in steps.csv: one was changed", dir, i, sum.Steps, len(episodes[i].Actions))
		}
		seconds += float64(sum.Steps)*sum.PlanP50/1000 + sum.FitSeconds
		counts = append(counts, sum.Violations)
		values := measure(s, system, sum, episodes[i])
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

// began is when the run began: by the files that were written for it before, or else by run.yaml.
func began(dir string) (time.Time, error) {
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
	info, err := os.Stat(filepath.Join(dir, "run.yaml"))
	if err != nil {
		return time.Time{}, fmt.Errorf("track: %w", err)
	}
	return info.ModTime().UTC().Truncate(time.Second), nil
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

// study is the name of the study that a run folder belongs to, with the folder of its method; "" if it belongs to none. The
// study's file is at most three folders above.
func study(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for root, levels := filepath.Dir(dir), 0; levels < 3; root, levels = filepath.Dir(root), levels+1 {
		text, err := os.ReadFile(filepath.Join(root, "study.yaml"))
		if err != nil {
			continue
		}
		var s struct{ Name string }
		method, err := filepath.Rel(root, filepath.Dir(dir))
		if err != nil || yaml.Unmarshal(text, &s) != nil || s.Name == "" {
			return ""
		}
		return strings.TrimSuffix(s.Name+"/"+filepath.ToSlash(method), "/.")
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
