// Package result holds what studies found: a line of numbers for each episode of each run, with the settings and the version that
// made them. Tables, safety cards and figures are made from it alone, whether it was read from run folders or from a small file.
package result

import (
	"encoding/json"

	"github.com/rischiboy/safe_exploration/safex/run"
)

// A Set is what one or more studies found.
type Set struct {
	Methods []Method `json:"methods"`
}

// A Method is runs on one task that differ in their seed alone.
type Method struct {
	Study     string          `json:"study"`               // the name of the study; "" of runs that belong to none
	Task      string          `json:"task"`                // by its name in safex list
	Planner   string          `json:"planner"`             // by its name in safex list
	Model     string          `json:"model"`               // by its name in safex list
	Calibrate string          `json:"calibrate,omitempty"` // "" is none
	Variant   string          `json:"variant,omitempty"`   // of the study; "" is none
	Build     string          `json:"build"`               // of safex
	Settings  json.RawMessage `json:"settings"`            // everything in force, as in run.yaml, without the seed
	Steps     int             `json:"steps"`               // of a whole run, the random phase among them
	Limits    []Limit         `json:"limits,omitempty"`
	Runs      []Run           `json:"runs"` // by their seed
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
}

// An Episode is what happened in one, complete or not.
type Episode struct {
	run.Summary
	First   int `json:"first"`   // the first violating step, counted from 0; -1 if there is none
	Inside  int `json:"inside"`  // planned steps that ended within the box that the plan defended
	Planned int `json:"planned"` // planned steps
}
