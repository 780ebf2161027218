package figures

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/internal/bench"
	"github.com/rischiboy/safe_exploration/safex/report"
)

// Open reads run folders, folders that hold some at any depth, and files: those of safex report --save, of safex control, coverage
// and attack, of safex bench --scale, and of Published, Peers and Fallbacks. The error is one sentence that names the folder or the file.
func Open(paths ...string) (*Gallery, error) { return OpenWith(nil, paths...) }

// OpenWith is Open of runs of tasks of the program's own too, which are passed.
func OpenWith(own []safex.Maker, paths ...string) (*Gallery, error) {
	g := &Gallery{Band: IQM, Episode: -1, own: own}
	var runs []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || info.IsDir() {
			if err == nil {
				g.folders = append(g.folders, path)
			}
			runs = append(runs, path) // result says what is wrong with it
			continue
		}
		what, err := contents(path)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		switch what {
		case "runs":
			runs = append(runs, path)
		case "published":
			list, err := readPublished(path)
			if err != nil {
				return nil, err
			}
			g.Published = append(g.Published, list...)
		case "peers":
			list, err := readPeers(path)
			if err != nil {
				return nil, err
			}
			g.Peers = append(g.Peers, list...)
		case "fallbacks":
			list, err := readFallbacks(path)
			if err != nil {
				return nil, err
			}
			g.Fallbacks = append(g.Fallbacks, list...)
		default:
			if names, _ := Kinds(); slices.Contains(names, name) {
				return nil, fmt.Errorf("%s would be drawn as %s, which is a figure of runs: give it another name", path, name)
			}
			for _, o := range g.Others {
				if o.Name == name {
					return nil, fmt.Errorf("%s and %s would both be drawn as %s: draw them one by one", o.path, path, name)
				}
			}
			g.Others = append(g.Others, Other{Name: name, path: path, draw: others[what]})
		}
	}
	if len(runs) > 0 {
		set, err := report.ReadWith(own, runs...)
		if err != nil {
			return nil, err
		}
		g.Set = set
	}
	if g.Set == nil && len(g.Others) == 0 {
		return nil, fmt.Errorf("there is nothing to draw: want run folders, or files of safex report --save, control, coverage, attack or bench --scale")
	}
	return g, nil
}

// contents says what a file holds, by the keys that it begins with.
func contents(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if rows, err := bench.Read(path); err == nil && bench.Grows(rows) {
		return "scale", nil
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err == nil {
		has := func(names ...string) bool {
			for _, n := range names {
				if _, ok := keys[n]; !ok {
					return false
				}
			}
			return true
		}
		switch {
		case has("methods"):
			return "runs", nil
		case has("published"):
			return "published", nil
		case has("peers"):
			return "peers", nil
		case has("fallbacks"):
			return "fallbacks", nil
		case has("Gaps"):
			return "gap", nil
		case has("Tried", "Outcomes"):
			return "control", nil
		case has("Settings", "Outcomes"):
			return "coverage", nil
		}
	}
	return "", fmt.Errorf("%s holds no results: want a file of safex report --save, control, coverage, attack or bench --scale", path)
}

// An Other is a file of results that are not of runs.
type Other struct {
	Name string // of its figure
	path string
	draw func(path string) (*fig.Figure, error)
}

func (o Other) figure() (*fig.Figure, error) { return o.draw(o.path) }

// others draw files by what they hold.
var others = map[string]func(path string) (*fig.Figure, error){"control": drawControl, "coverage": drawCoverage, "gap": drawGap, "scale": drawScale}
