package jupyter

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rischiboy/safe_exploration/safex/internal/disk"
)

// own is what the name of a reader's own copy of a notebook begins with. It lies beside the original, so that what a cell names by a
// relative path is the same for both, and git does not see it: to open and to run a notebook changes its file.
const own = "my-"

// An origin says of a copy what it was made of.
type origin struct {
	Original string // hash of the cells of the original when it was copied
	Copy     string // and of the copy's then, which are the reader's no more than that
}

// Copies makes a copy of each notebook for its reader, and takes over a new version of a notebook whose copy has the cells that it was
// made with. A copy with cells of the reader's own stays as it is, and so does one that nobody knows of; what stays behind the original
// is said.
func (l *Lab) Copies() error {
	record := filepath.Join(l.Repo, "notebooks", ".copies.json") // beside them, as a container has the notebooks of a clone and not its .safex
	if before := l.dot("copies.json"); exists(before) && !exists(record) {
		if err := os.Rename(before, record); err != nil {
			return fmt.Errorf("jupyter: %w", err)
		}
	}
	made := map[string]origin{}
	if text, err := os.ReadFile(record); err == nil {
		if json.Unmarshal(text, &made) != nil {
			made = map[string]origin{} // damaged: all copies count as the reader's
		}
	}
	originals, err := filepath.Glob(filepath.Join(l.Repo, "notebooks", "*.ipynb"))
	if err != nil {
		return fmt.Errorf("jupyter: %w", err)
	}
	for _, path := range originals {
		name := filepath.Base(path)
		if strings.HasPrefix(name, own) {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("jupyter: %w", err)
		}
		original, err := cells(text)
		if err != nil {
			return fmt.Errorf("jupyter: %s: %w", name, err)
		}
		copied := filepath.Join(filepath.Dir(path), own+name)
		there, err := os.ReadFile(copied)
		if err == nil {
			now, err := cells(there)
			switch {
			case made[name].Original == original || now == original: // nothing new
				continue
			case err != nil || now != made[name].Copy:
				l.print("%s has changed, and %s has cells of your own: it stays. Rename it to get the new one", name, own+name)
				continue
			}
			l.print("%s has changed: %s is the new one", name, own+name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("jupyter: %w", err)
		}
		if err := disk.Write(copied, text); err != nil {
			return kept(filepath.Dir(copied), err)
		}
		made[name] = origin{original, original}
	}
	return kept(filepath.Dir(record), writeJSON(record, made))
}

// kept is why a folder could not keep the copies, in a sentence that says what helps; nil of nil.
func kept(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("jupyter: your copies of the notebooks cannot be written into %s: make the folder yours, or tell Docker who you are by --user \"$(id -u):$(id -g)\"", dir)
	}
	if err != nil {
		return fmt.Errorf("jupyter: your copies of the notebooks: %w", err)
	}
	return nil
}

// cells is a hash of what the cells of a notebook say, whatever they put out.
func cells(notebook []byte) (string, error) {
	var nb struct {
		Cells []struct {
			Type   string `json:"cell_type"`
			Source any    `json:"source"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(notebook, &nb); err != nil {
		return "", fmt.Errorf("no notebook: %w", err)
	}
	h := sha256.New()
	for _, c := range nb.Cells {
		fmt.Fprintf(h, "%s %q\n", c.Type, joined(c.Source))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
