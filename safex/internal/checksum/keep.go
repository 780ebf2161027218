// Package checksum wraps what is written to disk such that damage is noticed.
package checksum

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// envelope is a sealed file.
type envelope struct {
	Kind   string
	Format int
	SHA256 string // of Kind, Format and Body
	Body   json.RawMessage
}

func (e envelope) sum() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d\n", e.Kind, e.Format)
	h.Write(e.Body)
	return hex.EncodeToString(h.Sum(nil))
}

// Seal encodes body as JSON, of a kind and in a format of it. Numbers come back from Open with the same bits.
func Seal(kind string, format int, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("%s: save: %w", kind, err)
	}
	e := envelope{Kind: kind, Format: format, Body: text}
	e.SHA256 = e.sum()
	return json.Marshal(e)
}

// Open decodes into body what Seal made of the same kind and format. It refuses everything else.
func Open(kind string, format int, data []byte, body any) error {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("%s: load: damaged model: %w", kind, err)
	}
	if again, err := json.Marshal(e); err != nil || e.SHA256 != e.sum() || !bytes.Equal(again, data) {
		return fmt.Errorf("%s: load: damaged model: its checksum is wrong", kind)
	}
	if e.Kind != kind || e.Format != format {
		return fmt.Errorf("%s: load: a %q of format %d, want a %q of format %d", kind, e.Kind, e.Format, kind, format)
	}
	if err := json.Unmarshal(e.Body, body); err != nil {
		return fmt.Errorf("%s: load: damaged model: %w", kind, err)
	}
	return nil
}
