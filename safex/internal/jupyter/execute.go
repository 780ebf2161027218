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
		if ctx.Err() != nil {
			return fmt.Errorf("jupyter: %s: %w", notebook, err)
		}
		if said := complaint(text); lost == nil && said != "" {
			return fmt.Errorf("jupyter: %s: %s", notebook, said)
		}
		said := err.Error()
		return fmt.Errorf("jupyter: %s: %s", notebook, said[strings.LastIndexByte(said, '\n')+1:]) // of a traceback, what it was
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

// complaint says of a notebook that was run which cell failed, why, and at which line, in the words of its Go program or of the
// compiler; "" if no cell failed.
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
		var said, where strings.Builder
		failed := ""
		for _, o := range c.Outputs {
			switch {
			case o.Name == "stderr":
				said.WriteString(joined(o.Text))
			case o.Type == "error":
				failed = o.Value
				where.WriteString(strings.Join(o.Traceback, "\n"))
			}
		}
		if failed == "" {
			continue
		}
		first, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(joined(c.Source)), "%%")), "\n")
		text := fmt.Sprintf("cell [%d], which begins with %q, failed: %s", c.Count, first, cmp.Or(sentence(said.String()), sentence(failed), failed))
		if m := place.FindStringSubmatch(said.String() + where.String()); m != nil {
			text += fmt.Sprintf(" (line %s of cell [%s])", m[2], m[1])
		}
		return text
	}
	return ""
}

var (
	place  = regexp.MustCompile(`Cell ?\[(\d+)\]:? Line (\d+)`) // how the kernel names a line of a cell
	source = regexp.MustCompile(`^\S*main\.go:\d+:\d+: `)       // of the program that it made of the cells
)

// sentence is in one line what a program or a compiler said, without what its goroutines did and the exit status.
func sentence(text string) string {
	text, _, _ = strings.Cut(text, "\n\ngoroutine ")
	text, _, _ = strings.Cut(text, "\n------") // what the kernel advises
	var kept []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(source.ReplaceAllString(line, ""))
		switch {
		case line == "" || strings.HasPrefix(line, "exit status ") || strings.HasPrefix(line, "# ") || strings.HasPrefix(line, "failed to run ") || strings.HasPrefix(line, "go: gonb_"):
			continue
		case strings.HasPrefix(line, "expected declaration, found "):
			line += ": begin a cell that does something with a line %%"
		case strings.Contains(line, "cannot find module providing package"):
			line += ": a kernel fetches nothing, so add it to the module by go get, and start the kernel again"
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, " ")
}
