package study

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// A Set gives settings values, as --set of safex train: {"planner.Horizon": "20", "learner.Hidden": "64,64"}.
type Set map[string]string

// short are keys of a Change in a file, each with the path that it means.
var short = []struct{ key, path string }{
	{"calibrate", "calibration"}, {"search", "planner.Search"}, {"inner", "planner.Inner"}, {"adversary", "planner.Adversary"}, {"engine", "engine"}, {"filter", "filter"},
	{"episodes", "episodes"}, {"explore", "explore"}, {"learn-every", "learn-every"}, {"background", "background"}, {"log", "log"}, {"evaluate", "evaluate"},
}

// numeric are those of short that take a whole number.
func numeric(key string) bool { return key == "episodes" || key == "explore" || key == "learn-every" }

// meant is the path that a key of a Change means.
func meant(key string) (path string, ok bool) {
	for _, s := range short {
		if s.key == key {
			return s.path, true
		}
	}
	return "", false
}

// ordered are the paths of s: what is chosen comes before what is set of it.
func (s Set) ordered() []string {
	return experiment.Ordered(slices.Sorted(maps.Keys(s)))
}

// Episodes is the number of episodes that s sets; ok is false if it sets none.
func (s Set) Episodes() (n int, ok bool) {
	n, err := strconv.Atoi(s["episodes"])
	return n, err == nil
}

// UseEpisodes gives all runs that number of episodes.
func (s *Study) UseEpisodes(n int) {
	without := func(set Set) Set { // of a copy, as a Study that was copied shares its maps
		set = maps.Clone(set)
		delete(set, "episodes")
		return set
	}
	if s.Set = without(s.Set); s.Set == nil {
		s.Set = Set{}
	}
	s.Set["episodes"] = strconv.Itoa(n)
	s.Overrides, s.Variants = slices.Clone(s.Overrides), slices.Clone(s.Variants)
	for i := range s.Overrides {
		s.Overrides[i].Set = without(s.Overrides[i].Set)
	}
	for i := range s.Variants {
		s.Variants[i].Set = without(s.Variants[i].Set)
	}
}

// MarshalJSON writes numbers and switches without quotes.
func (s Set) MarshalJSON() ([]byte, error) {
	plain := map[string]json.RawMessage{}
	for field, value := range s {
		var v any
		if err := json.Unmarshal([]byte(value), &v); err == nil {
			switch v.(type) {
			case float64, bool:
				plain[field] = json.RawMessage(value)
				continue
			}
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		plain[field] = text
	}
	return json.Marshal(plain)
}
