package gx

import (
	"fmt"
	"sync"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // the pure-Go backend, and no other
)

// Backend is GoMLX's pure-Go backend for predictions and rollouts, one for the process. It runs
// one operation after the other, each on all cores: rollouts are chains, and run 1.5 times as
// fast this way as with operations side by side.
var Backend = sync.OnceValues(func() (compute.Backend, error) { return open("go:ops_sequential") })

// TrainingBackend is GoMLX's pure-Go backend for gradient steps, one for the process. It runs
// independent operations side by side. Tensors of one backend are not for the other.
var TrainingBackend = sync.OnceValues(func() (compute.Backend, error) { return open("go") })

func open(config string) (compute.Backend, error) {
	b, err := compute.NewWithConfig(config)
	if err != nil {
		return nil, fmt.Errorf("gx: GoMLX backend: %w", err)
	}
	return b, nil
}

// Catch turns a panic of GoMLX, which some of its calls prefer to errors, into an error.
// Use it deferred.
func Catch(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("gx: GoMLX: %v", p)
	}
}
