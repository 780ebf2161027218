package gx

import (
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // the pure-Go backend, and no other
)

// Backend is GoMLX's pure-Go backend, one for the process.
var Backend = sync.OnceValues(func() (compute.Backend, error) {
	b, err := compute.NewWithConfig("go")
	if err != nil {
		return nil, fmt.Errorf("gx: GoMLX backend: %w", err)
	}
	return b, nil
})

// Catch turns a panic of GoMLX, which some of its calls prefer to errors, into an error.
// Use it deferred.
func Catch(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("gx: GoMLX: %v\n%s", p, debug.Stack())
	}
}
