// Package report holds what studies found: a line of numbers for each episode of each run, with the settings and the version that
// made them. Tables, safety cards and figures are made from it alone, whether it was read from run folders or from a small file.
//
// Violations are counted, from the first random step on. Nothing is certified by it.
package report

import (
	"encoding/json/jsontext"

	"github.com/rischiboy/safe_exploration/safex/store"
)

// A Set is what one or more studies found.
type Set struct {
	Methods []Method `json:"methods"`
}

// A Method is runs on one task that differ in their seed alone. Runs of two builds are two methods. Those of a study may differ in their
// number of episodes too, as while it gets more of them: the largest one is then that of whole runs.
type Method struct {
	Study     string         `json:"study"`               // the name of the study; "" of runs that belong to none
	Task      string         `json:"task"`                // by its name in safex list
	Planner   string         `json:"planner"`             // by its name in safex list
	Model     string         `json:"model"`               // by its name in safex list
	Calibrate string         `json:"calibrate,omitempty"` // "" is none
	Filter    string         `json:"filter,omitempty"`    // by its name in safex list; "" is off
	Variant   string         `json:"variant,omitempty"`   // of the study; "" is none
	Build     string         `json:"build"`               // of safex
	Settings  jsontext.Value `json:"settings"`            // everything in force, as in run.yaml, without the seed and the build
	Seeds     []uint64       `json:"seeds,omitempty"`     // that the study names for it, in order; nil if none are known
	Steps     int            `json:"steps"`               // of a whole run, the random phase among them
	Limits    []Limit        `json:"limits,omitempty"`
	Runs      []Run          `json:"runs"` // by their seed
}

// A Limit is one of a task's.
type Limit struct {
	Name string `json:"name"`
	Unit string `json:"unit,omitempty"`
}

// A Run is one seed.
type Run struct {
	Seed     uint64    `json:"seed"`
	Episodes []Episode `json:"episodes"` // number 0 is the random phase; the last may be unfinished

	Evaluations []Evaluation `json:"evaluations,omitempty"` // in their order; nil of a run without
}

// An Episode is what happened in one, complete or not.
type Episode struct {
	store.Summary
	Unfinished bool `json:"unfinished"`      // it was under way: times are not known, and 0
	First      int  `json:"first"`           // the first violating step, counted from 0; -1 if there is none
	Inside     int  `json:"inside"`          // steps that ended within their box in all dimensions, as package reliability has it
	Planned    int  `json:"planned"`         // steps of which that is known: planned ones and, of episode 0, those that a filter judged by a prior
	Tubes      int  `json:"tubes"`           // plans that were made again, to see whether the system stays in their tube; 0 if they were not: see reliability.Tubes
	InTube     int  `json:"plans_in_tube"`   // of Tubes
	Backups    int  `json:"backups"`         // proofs of a filter likewise
	BackupsIn  int  `json:"backups_in_tube"` // of Backups
	Assumed    int  `json:"assumed"`         // of Planned, steps without a box of the planner or of a calibration: theirs reaches reliability.AssumedBeta deviations

	Explored float64 `json:"explored"` // area of the convex hull of all states that the run has been in by its end, where a state has two dimensions, in the product of their units; else 0
}

// Steps are those that the run took, the random ones among them.
func (r *Run) Steps() (n int) {
	for _, e := range r.Episodes {
		n += e.Steps
	}
	return n
}

// Violations are the steps beyond any limit.
func (r *Run) Violations() (n int) {
	for _, e := range r.Episodes {
		n += e.Violations
	}
	return n
}

// First is the number of steps up to the first violating one, that step among them; 0 if there is none.
func (r *Run) First() int {
	before := 0
	for _, e := range r.Episodes {
		if e.First >= 0 {
			return before + e.First + 1
		}
		before += e.Steps
	}
	return 0
}

// Finished tells whether a run took all its steps, but for those that the end of an episode left out.
func (m *Method) Finished(r *Run) bool {
	n := len(r.Episodes)
	short := 0
	for _, e := range r.Episodes {
		short += e.Short
	}
	return n > 0 && r.Steps()+short >= m.Steps && !r.Episodes[n-1].Unfinished
}
