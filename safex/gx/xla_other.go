//go:build !xla

package gx

import "errors"

const preferred = "go"

func (b *opened) openXLA(string) error {
	return errors.New("this build has no XLA: build it with -tags xla, or unset the variable")
}
