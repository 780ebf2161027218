package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/study"
)

// Read reads paths: run folders, folders that hold run folders at any depth, and files of Save. Runs that are under way are read
// as they are, and a run that is named twice counts once. The error is one sentence that names the folder or the file.
func Read(paths ...string) (*Set, error) { return ReadWith(nil, paths...) }

// ReadWith is Read of runs of tasks of the program's own too, which are passed.
func ReadWith(own []safex.Maker, paths ...string) (*Set, error) {
	s := &Set{}
	var f []string // run folders
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("result: there is no %q", path)
		case err != nil:
			return nil, fmt.Errorf("result: %w", err)
		case info.IsDir():
			found, err := store.Find(path)
			if err != nil {
				return nil, err
			}
			if f = append(f, found...); len(found) == 0 {
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
	read, err := folders(f, own)
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

// folders reads run folders, some at a time: a Method with one Run for each, in order.
func folders(dirs []string, own []safex.Maker) ([]Method, error) {
	r := reader{own: own, systems: map[string]*compiled{}, studies: map[string]*study.Study{}}
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
