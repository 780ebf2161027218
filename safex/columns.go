package safex

import (
	"slices"
	"strings"
)

// The columns of a run's table that are no variable's: what package store writes beside the state and the action, and what the
// command simulate writes. The name of a variable or an angle must be none of them, or a table would have two columns of one name.
var (
	ownColumns  = []string{"episode", "step", "reward", "beta", "asked_beta", "cover_beta", "out_of_distribution", "feasible", "cover", "nans", "late", "cut", "fit", "phase", "end", "why"}
	ownPrefixes = []string{"excess_", "mean_", "worst_", "epistemic_", "aleatoric_", "next_", "true_", "sent_", "noise_"} // of limits or dimensions
)

// OwnColumn tells whether a column of that name belongs to a run's table itself, so that no variable and no angle may have it.
func OwnColumn(name string) bool {
	return slices.Contains(ownColumns, name) ||
		slices.ContainsFunc(ownPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
