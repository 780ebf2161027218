package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Read reads paths: run folders, folders that hold run folders at any depth, and files of Save. Runs that are under way are read
// as they are, and a run that is named twice counts once. The error is one sentence that names the folder or the file.
func Read(paths ...string) (*Set, error) {
	s := &Set{}
	var f finder
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("result: there is no %q", path)
		case err != nil:
			return nil, fmt.Errorf("result: %w", err)
		case info.IsDir():
			before := len(f)
			if err := f.find(path); err != nil {
				return nil, err
			}
			if len(f) == before {
				return nil, fmt.Errorf("result: %q holds no run: want a run folder, a folder with some, or a file of safex report --save", path)
			}
			continue
		}
		kept, err := load(path)
		if err != nil {
			return nil, err
		}
		if err := s.Merge(kept); err != nil {
			return nil, err
		}
	}
	read, err := folders(f)
	if err != nil {
		return nil, err
	}
	for i := range read {
		if err := s.add(&read[i]); err != nil {
			return nil, fmt.Errorf("%w (%s)", err, f[i])
		}
	}
	if len(s.Methods) == 0 {
		return nil, fmt.Errorf("result: there is no run to read")
	}
	s.sort()
	return s, nil
}

// finder is the run folders that were found.
type finder []string

// find looks for run folders at and below dir. Below it, it follows symbolic links to run folders alone.
func (f *finder) find(dir string) error {
	if isRun(dir) {
		*f = append(*f, dir)
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	for _, e := range entries {
		below := filepath.Join(dir, e.Name())
		if e.IsDir() || e.Type()&fs.ModeSymlink != 0 && isRun(below) {
			if err := f.find(below); err != nil {
				return err
			}
		}
	}
	return nil
}

// isRun tells whether dir is a run folder.
func isRun(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "run.yaml"))
	return err == nil && info.Mode().IsRegular()
}

// folders reads run folders, some at a time: a Method with one Run for each, in order.
func folders(dirs []string) ([]Method, error) {
	r := reader{systems: map[string]*compiled{}, studies: map[string]*study{}}
	methods, errs := make([]Method, len(dirs)), make([]error, len(dirs))
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(dirs)) {
		wait.Go(func() {
			for i := range next {
				methods[i], errs[i] = r.folder(dirs[i])
			}
		})
	}
	for i := range dirs {
		next <- i
	}
	close(next)
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return methods, nil
}
