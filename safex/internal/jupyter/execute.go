package jupyter

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rischiboy/safe_exploration/safex/internal/disk"
)

//go:embed execute.py
var execute string

// Notebook is the path of a notebook, which may be named without the folder of the clone's own. It fails
// if there is none, so that a slip of the pen is told before anything is built.
func (l *Lab) Notebook(name string) (string, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("jupyter: %w", err)
	}
	if !exists(path) {
		if path = filepath.Join(l.Repo, "notebooks", filepath.Base(name)); !exists(path) {
			return "", fmt.Errorf("jupyter: there is no notebook %s", name)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("jupyter: %w", err)
	}
	var content struct {
		Cells []json.RawMessage `json:"cells"`
	}
	if err := json.Unmarshal(text, &content); err != nil || content.Cells == nil || filepath.Ext(path) != ".ipynb" {
		return "", fmt.Errorf("jupyter: %s is no notebook: name a file .ipynb that JupyterLab has saved", name)
	}
	return path, nil
}

// Execute runs a notebook from its first cell to its last, without a browser, and fails if a cell fails.
// With save, its outputs are written into it; otherwise it is left alone.
func (l *Lab) Execute(ctx context.Context, notebook string, save bool) error {
	path, err := l.Notebook(notebook)
	if err != nil {
		return err
	}
	out := l.dot("out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	out = filepath.Join(out, filepath.Base(path))
	if err := os.RemoveAll(out); err != nil { // of a run before
		return fmt.Errorf("jupyter: %w", err)
	}
	began := time.Now()
	l.print("%s: running …", filepath.Base(path))
	alone := slices.DeleteFunc(l.environment(), func(v string) bool { // nobody watches, whoever started this: see nb.Attended
		return strings.HasPrefix(v, "JPY_SESSION_NAME=") || strings.HasPrefix(v, "VSCODE_PID=")
	})
	err = l.command(ctx, filepath.Dir(path), alone, l.script("python3"), "-c", execute, path, filepath.Dir(path), out)
	text, lost := os.ReadFile(out)
	if err != nil {
		if said := complaint(text); lost == nil && said != "" && ctx.Err() == nil {
			return fmt.Errorf("jupyter: %s: %s", notebook, said)
		}
		return fmt.Errorf("jupyter: %s: %w", notebook, err)
	}
	l.print("%s: every cell ran, %.0f s", filepath.Base(path), time.Since(began).Seconds())
	if !save {
		return nil
	}
	if err = lost; err == nil {
		text, err = Tidy(text)
	}
	if err == nil {
		err = disk.Write(path, text)
	}
	if err != nil {
		return fmt.Errorf("jupyter: %s: %w", notebook, err)
	}
	return nil
}

// complaint says of a notebook that was run which cell failed and why, in the words of its Go program or of the compiler, without
// what goroutines did and without the exit status that the kernel adds; "" if no cell failed.
func complaint(notebook []byte) string {
	var nb struct {
		Cells []struct {
			Source  any `json:"source"`
			Count   int `json:"execution_count"`
			Outputs []struct {
				Type      string   `json:"output_type"`
				Name      string   `json:"name"`
				Text      any      `json:"text"`
				Value     string   `json:"evalue"`
				Traceback []string `json:"traceback"`
			} `json:"outputs"`
		} `json:"cells"`
	}
	if json.Unmarshal(notebook, &nb) != nil {
		return ""
	}
	for _, c := range nb.Cells {
		var said strings.Builder
		failed := ""
		for _, o := range c.Outputs {
			switch {
			case o.Name == "stderr":
				said.WriteString(joined(o.Text))
			case o.Type == "error":
				failed = cmp.Or(strings.Join(o.Traceback, "\n"), o.Value)
			}
		}
		if failed == "" {
			continue
		}
		why := sentence(said.String())
		why = cmp.Or(why, sentence(failed), failed)
		first, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(joined(c.Source)), "%%")), "\n")
		return fmt.Sprintf("cell [%d], which begins with %q, failed: %s", c.Count, first, why)
	}
	return ""
}

// colours are what a terminal would show in colours.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// sentence is what a program said when it failed, less the stacks of a panic and the exit status.
func sentence(text string) string {
	text = colours.ReplaceAllString(text, "")
	text, _, _ = strings.Cut(text, "\n\ngoroutine ")
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
		return strings.TrimSpace(line) == "" || strings.HasPrefix(line, "exit status ")
	})
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
