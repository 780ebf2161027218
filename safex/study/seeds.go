package study

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Seeds are those of the runs, in the order in which they start.
type Seeds []uint64

// ParseSeeds reads a list of seeds and ranges of them, as in "1-3" or "1-3, 7, 326176".
func ParseSeeds(text string) (Seeds, error) {
	var seeds Seeds
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		a, errA := strconv.ParseUint(strings.TrimSpace(from), 10, 64)
		b, errB := strconv.ParseUint(strings.TrimSpace(to), 10, 64)
		switch {
		case errA != nil || errB != nil:
			return nil, fmt.Errorf("seeds: %q is no seed and no range of seeds: want them as in 1-3 or [1, 5, 326176]", part)
		case a > b:
			return nil, fmt.Errorf("seeds %s: the first is above the last: want %d-%d", part, b, a)
		case b-a >= most-uint64(len(seeds)):
			return nil, fmt.Errorf("seeds %s: want at most %d", part, most)
		}
		for seed := a; ; seed++ {
			if seeds = append(seeds, seed); seed == b {
				break
			}
		}
	}
	return seeds, seeds.Check()
}

// Check reports whether there are none, or one twice.
func (s Seeds) Check() error {
	if len(s) == 0 {
		return fmt.Errorf("there are no seeds: want them as in 1-3 or [1, 5, 326176]")
	}
	sorted := slices.Sorted(slices.Values(s))
	for i, seed := range sorted[1:] {
		if seed == sorted[i] {
			return fmt.Errorf("seeds names %d twice", seed)
		}
	}
	return nil
}

// MarshalJSON writes a range as 1-3, and a list of all others.
func (s Seeds) MarshalJSON() ([]byte, error) {
	if n := len(s); n > 1 && s[n-1]-s[0] == uint64(n-1) && slices.IsSorted(s) {
		return json.Marshal(fmt.Sprintf("%d-%d", s[0], s[n-1]))
	}
	return json.Marshal([]uint64(s))
}
