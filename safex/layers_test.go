package safex_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layers says which of this module's packages each package may import: only what is below it, never
// what is beside it. A package that is not listed fails the test, so a new one is a decision.
var layers = map[string]string{
	// 0: nothing of this module
	"num":               "",
	"rng":               "",
	"nb":                "",
	"internal/checksum": "",
	"internal/group":    "",
	"internal/vec":      "",
	"internal/encode":   "",
	"internal/disk":     "",
	"internal/table":    "",
	"internal/browser":  "",
	"internal/jupyter":  "internal/disk internal/group",
	// 1: words, search, and the bridge to GoMLX
	".":     "num rng",
	"opt":   "num rng",
	"gx":    "num",
	"stats": "rng",
	// 2: the parts
	"lqr":         ". num rng",
	"tasks":       ". lqr num",
	"ensemble":    ". internal/checksum num rng gx",
	"linear":      ". internal/checksum num rng gx",
	"gp":          ". internal/checksum num rng gx",
	"residual":    ". internal/checksum num rng gx",
	"calibrate":   ". internal/checksum num rng gx",
	"logs":        ".",
	"fused":       ". num internal/vec",
	"reach":       ". num internal/vec",
	"reliability": ". internal/disk internal/encode internal/table stats",
	"viability":   ". num reach",
	"filter":      ". num reach viability",
	"plan":        ". num rng opt",
	"plant":       ". internal/encode internal/group",
	// the engine of every model, that of vectors among others
	"rollout": ". fused internal/checksum num rng gx",
	// 3: they know the words alone
	"train": ". num rng",
	"fig":   ". reliability num viability",
	// a hand in a notebook
	"live": ". fig nb",
	// laws for tests
	"modeltest":  ". num rng rollout tasks",
	"opttest":    "num opt rng",
	"plantest":   ". num rng",
	"filtertest": ". num rng",
	"planttest":  ". rng",
	// 4: all parts of a run, by name
	"experiment": ". calibrate ensemble filter fused gp gx internal/encode internal/vec linear logs opt plan plant residual rollout tasks train",
	// 5: runs on disk, and taken again
	"store":  ". experiment fig internal/disk internal/encode train",
	"retake": ". experiment num plan plant reliability rng store train",
	// 6: what is asked of plans, planners and boxes
	"attack":   ". experiment internal/disk internal/encode internal/table num plan retake rng stats",
	"certify":  ". experiment fig filter internal/table num plan reach reliability retake rng stats",
	"control":  ". experiment fig internal/disk internal/encode internal/table reliability rollout stats",
	"coverage": ". calibrate experiment internal/disk internal/encode internal/table reliability rng",
	"offline":  ". experiment fig internal/disk internal/encode internal/table logs num reliability rng",
	// many runs by one file
	"study": ". experiment internal/disk internal/encode internal/table rng stats store",
	// how fast it is
	"internal/bench": ". experiment internal/encode internal/table internal/vec num rng rollout train",
	// 7: a run for other tools, what studies found, and their figures
	"track":   ". experiment internal/encode plan rng store study train",
	"report":  ". experiment internal/disk internal/encode internal/table reliability rng stats store study",
	"figures": ". attack control coverage experiment fig filter internal/bench internal/encode reliability report rng stats store",
	// 8: for people
	"cli":            ". plant attack certify control coverage experiment fig figures internal/bench internal/disk internal/encode internal/table internal/jupyter logs offline reliability report rng store study track",
	"widgets":        ". experiment fig filter live nb num plan reach rng store tasks train",
	"cmd/safex":      "cli",
	"cmd/gym":        ". cli num plant",
	"internal/quick": "experiment",
}

// gomlx are the only packages that may import GoMLX.
const gomlx = "gx calibrate ensemble gp linear residual rollout"

func TestLayers(t *testing.T) {
	open(t)
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		paths := strings.Fields(line)
		pkg := short(paths[0])
		allowed, ok := layers[pkg]
		if !ok {
			t.Errorf("package %s is not in the table of layers", pkg)
		}
		for _, path := range paths[1:] {
			if p := short(path); p != "" && !slices.Contains(strings.Fields(allowed), p) {
				t.Errorf("%s imports %s", pkg, p)
			}
			if strings.HasPrefix(path, "github.com/gomlx/") && !slices.Contains(strings.Fields(gomlx), pkg) {
				t.Errorf("%s imports %s", pkg, path)
			}
		}
		seen++
	}
	if seen != len(layers) {
		t.Errorf("%d packages, and %d in the table of layers", seen, len(layers))
	}
}

// The list of packages in doc.go has those of the table, each after all that it may import.
func TestListOfPackages(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^//   - ([a-z/]+): .`).FindAllStringSubmatch(string(text), -1) {
		pkg := m[1]
		if pkg == "safex" {
			pkg = "."
		}
		allowed, ok := layers[pkg]
		if !ok || listed[pkg] {
			t.Errorf("doc.go lists %s, which is not in the table of layers, or twice", m[1])
		}
		for _, below := range strings.Fields(allowed) {
			if !listed[below] {
				t.Errorf("doc.go lists %s before %s, which it may import", m[1], below)
			}
		}
		listed[pkg] = true
	}
	for pkg := range layers {
		if !listed[pkg] {
			t.Errorf("doc.go does not list %s", pkg)
		}
	}
}

// The default build is pure Go: beside the standard library no package of it needs cgo, and GoMLX's way to XLA is in none.
func TestPureGo(t *testing.T) {
	open(t)
	list := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}} {{len .CgoFiles}}{{end}}", "./...")
	list.Env = append(os.Environ(), "CGO_ENABLED=1", "GOFLAGS=") // as on a machine with gcc, and without tags
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	gomlx := false
	for line := range strings.Lines(string(out)) {
		path, cgo, _ := strings.Cut(strings.TrimSpace(line), " ")
		if cgo != "0" || strings.HasPrefix(path, "github.com/gomlx/go-xla") {
			t.Errorf("%s with %s files of cgo is in the default build", path, cgo)
		}
		gomlx = gomlx || path == "github.com/gomlx/compute/gobackend"
	}
	if !gomlx {
		t.Errorf("GoMLX's backend is not among the packages: %s", out)
	}
}

// open opens the files that go list reads in a process of its own, so that go test, which keeps results, knows that this one depends on them.
func open(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}

const module = "github.com/rischiboy/safe_exploration/safex"

// short is a package of this module below safex, "." for safex itself, and "" for any other.
func short(path string) string {
	if path == module {
		return "."
	}
	rest, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	return rest
}
