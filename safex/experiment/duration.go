package experiment

import (
	"fmt"
	"time"
)

// A Duration is a time.Duration that files and commands hold as text, as in "50ms".
type Duration time.Duration

// String is the duration's text.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the duration's text.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration's text. The error says what one looks like.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no duration, as in 50ms or 1.5s", text)
	}
	*d = Duration(v)
	return nil
}
