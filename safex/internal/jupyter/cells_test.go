package jupyter

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// longest is how many lines a cell may have, imports aside, so that it can be read at once.
const longest = 25

// older are notebooks that have longer cells, with the lines of the longest: they may get shorter, and no others may get longer.
var older = map[string]int{"pendulum.ipynb": 36, "planning.ipynb": 82}

// A cell holds what a reader should see. What it takes besides is library.
func TestCellsAreShort(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "notebooks", "*.ipynb"))
	if err != nil || len(files) == 0 {
		t.Fatalf("notebooks %v: %v", files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasPrefix(name, "my-") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var nb struct {
			Cells []struct {
				Type   string `json:"cell_type"`
				Source any    `json:"source"` // a text, or its lines
			} `json:"cells"`
		}
		if err := json.Unmarshal(text, &nb); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		most := max(longest, older[name])
		for i, c := range nb.Cells {
			source := strings.TrimSpace(joined(c.Source))
			if strings.HasPrefix(source, "import (") {
				_, source, _ = strings.Cut(source, "\n)")
				source = strings.TrimSpace(source)
			}
			lines := strings.Count(source, "\n") + 1
			if c.Type == "code" && lines > most {
				t.Errorf("%s: cell %d has %d lines, want at most %d: split it, or put what it needs into the library", name, i, lines, most)
			}
		}
	}
}

// What a notebook keeps is shown by everything that shows notebooks: VS Code and GitHub drop what runs scripts or brings styles.
func TestOutputsAreShown(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "notebooks", "*.ipynb"))
	if err != nil || len(files) == 0 {
		t.Fatalf("notebooks %v: %v", files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasPrefix(name, own) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var nb struct {
			Cells []struct {
				Outputs []struct {
					Type string         `json:"output_type"`
					Data map[string]any `json:"data"`
				} `json:"outputs"`
			} `json:"cells"`
		}
		if err := json.Unmarshal(text, &nb); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, c := range nb.Cells {
			for _, o := range c.Outputs {
				if o.Type == "error" {
					t.Errorf("%s: cell %d failed when it was kept", name, i)
				}
				for kind := range o.Data {
					if kind != "image/png" && kind != "text/markdown" {
						t.Errorf("%s: cell %d keeps %s, which is not shown everywhere", name, i, kind)
					}
				}
			}
		}
	}
}
