package experiment

import (
	"fmt"
	"strings"
)

// Instead is advice on a wrong name: the nearest right one, and all of them if they are few.
func Instead(wrong string, names []string) string {
	if len(names) == 0 {
		return "there are none"
	}
	best, least := "", len(wrong)+1
	for _, n := range names {
		if d := edits(strings.ToLower(wrong), strings.ToLower(n)); d < least {
			best, least = n, d
		}
	}
	all := "there are " + strings.Join(names, ", ")
	if len(names) == 1 {
		all = "there is " + names[0]
	}
	if best != "" && least <= 1+len(wrong)/2 {
		return fmt.Sprintf("did you mean %s? (%s)", best, all)
	}
	return all
}

// edits is the number of letters to change, add or remove (Levenshtein, 1966).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := last
			if a[i] != b[j] {
				d = 1 + min(last, row[j], row[j+1])
			}
			last, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
