package jupyter

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The image is of a base that is pinned, of the same Go and the same JupyterLab as a clone, and starts for a user who is not root.
func TestDockerfile(t *testing.T) {
	l, err := Find(".", nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(l.Repo, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^ARG BASE=debian:\S+-\d{8}-slim@sha256:[0-9a-f]{64}$`, `GOTOOLCHAIN=` + toolchain + ` `, `GOEXPERIMENT=` + experiment + ` `,
		`COPY safex/internal/jupyter/requirements.txt `, `(?m)^USER safex$`,
	} {
		if !regexp.MustCompile(want).Match(text) {
			t.Errorf("the Dockerfile has no %s", want)
		}
	}
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(string(text), -1) {
		if from[1] != "${BASE}" && from[1] != "system" {
			t.Errorf("the Dockerfile begins from %s, which is not pinned", from[1])
		}
	}
	readme, err := os.ReadFile(filepath.Join(l.Repo, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) { // its own comment says what the README says
		if line, ok := strings.CutPrefix(line, "#   docker "); ok && !strings.Contains(string(readme), "docker "+strings.TrimSpace(line)) {
			t.Errorf("the README does not say docker %s", line)
		}
	}
}

// inside is a notebook that is run in a container: it has vector instructions and no network, and a file is kept.
const inside = `{"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "execution_count": null, "outputs": [], "source": ["import (\n",
"\t\"os\"\n", "\t\"runtime\"\n", "\t\"strings\"\n", "\n", "\t\"github.com/rischiboy/safe_exploration/safex/fig\"\n",
"\t\"github.com/rischiboy/safe_exploration/safex/nb\"\n", ")\n"]},
{"cell_type": "code", "id": "b", "metadata": {}, "execution_count": null, "outputs": [], "source": ["%%\n",
"if !strings.Contains(runtime.Version(), \"simd\") { panic(runtime.Version()) }\n",
"if os.Getuid() == 0 { panic(\"it is root\") }\n", "nb.Show(fig.Panels(\"x\", fig.Panel{Label: \"y\", Lines: []fig.Line{{X: []float64{0, 1}, Y: []float64{0, 1}}}}))\n",
"nb.Check(os.MkdirAll(\"runs/kept\", 0o755))\n", "nb.Check(os.WriteFile(\"runs/kept/it\", []byte(\"is\"), 0o644))\n"]}],
"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"display_name": "Go (safex)", "language": "go", "name": "gonb"}}}`

// The image is built, and used without a network by a user of another number, whose folder of notebooks keeps what was made. It takes
// minutes unless it was built before: SAFEX_DOCKER=1 asks for it. SAFEX_DOCKER_BUILD are further arguments of docker build, as
// "--network host --build-arg BASE=debian:13" of an engine without a bridge that was given the base by docker import.
func TestDocker(t *testing.T) {
	if os.Getenv("SAFEX_DOCKER") == "" {
		t.Skip("SAFEX_DOCKER=1 asks for it")
	}
	if out, err := exec.Command("docker", "version").CombinedOutput(); err != nil {
		t.Skipf("no Docker engine answers: %v: %s", err, end(string(out)))
	}
	l, err := Find(".", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	docker := func(args ...string) (string, error) {
		c := exec.CommandContext(ctx, "docker", args...)
		c.Dir = l.Repo
		var errs bytes.Buffer
		c.Stderr = &errs
		out, err := c.Output()
		if err != nil {
			err = fmt.Errorf("docker %s: %w: %s", args[0], err, end(errs.String()+string(out)))
		}
		return strings.TrimSpace(string(out)), err
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := docker(args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const image = "safex-test"
	began := time.Now()
	must(append(append([]string{"build", "-q", "-t", image}, strings.Fields(os.Getenv("SAFEX_DOCKER_BUILD"))...), ".")...)
	size, err := strconv.ParseFloat(must("image", "inspect", "-f", "{{.Size}}", image), 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("built in %.0f s: %.2f GB", time.Since(began).Seconds(), size/1e9)
	if user := must("image", "inspect", "-f", "{{.Config.User}}", image); user == "" || user == "root" || user == "0" {
		t.Errorf("it starts as %q", user)
	}

	work, user := t.TempDir(), os.Getuid()
	if user == 0 {
		user = 12345
	}
	for name, text := range map[string]string{"my-own.ipynb": inside, "pendulum.ipynb": `{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}`} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		for _, path := range []string{filepath.Dir(work), work} {
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(work, user, user); err != nil {
			t.Fatal(err)
		}
	}
	began = time.Now()
	id := must("run", "-d", "--rm", "--network", "none", "--user", fmt.Sprintf("%d:%d", user, user), "-v", work+":/safex/notebooks", image)
	defer exec.Command("docker", "kill", id).Run()
	link := ""
	for link == "" && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		said, err := docker("logs", id)
		if err != nil {
			t.Fatal(err)
		}
		link = regexp.MustCompile(`http://127.0.0.1:8888/lab/tree/my-pendulum.ipynb\?token=\S+`).FindString(said)
	}
	t.Logf("the link is there after %.1f s", time.Since(began).Seconds())
	if seen := must("exec", id, "sh", "-c", "cat /proc/[0-9]*/cmdline"); link == "" || strings.Contains(seen, link[strings.Index(link, "=")+1:]) {
		t.Errorf("the link is %q, and its token an argument of a program", link)
	}
	began = time.Now()
	must("exec", id, "safex", "lab", "--run", "my-own.ipynb")
	t.Logf("a first notebook took %.1f s", time.Since(began).Seconds())
	must("exec", id, "safex", "train", "pendulum", "--episodes", "0", "--explore", "20", "--out", "runs/trained")
	for _, name := range []string{"my-pendulum.ipynb", "runs/kept/it", "runs/trained/run.yaml"} {
		if _, err := os.Stat(filepath.Join(work, name)); err != nil {
			t.Errorf("it was not kept: %v", err)
		}
	}
	_, err = docker("run", "--rm", "--network", "none", "--user", "54321", "-v", work+":/safex/notebooks", image)
	if err == nil || !strings.Contains(err.Error(), "cannot be written into /safex/notebooks") || !strings.Contains(err.Error(), "--user") {
		t.Errorf("of a folder that is another user's it says %v", err)
	}
	page, err := os.ReadFile(filepath.Join(l.Repo, "notebooks", "jupyter.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := 0.0
	if m := regexp.MustCompile(`an image of ([0-9.]+) GB`).FindSubmatch(page); m != nil {
		told, _ = strconv.ParseFloat(string(m[1]), 64)
	}
	if got := size / 1e9; math.Abs(got-told) > 0.1 {
		t.Errorf("the image has %.2f GB, and its page says %.2f", got, told)
	}
}
