//go:build !xla

package gx

import "errors"

const preferred = "go"

func openXLA(string) (*opened, error) {
	return nil, errors.New("this build has no XLA: build it with -tags xla, or unset the variable")
}
