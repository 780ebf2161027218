package report_test

import (
	"testing"

	"github.com/rischiboy/safe_exploration/safex/report"
)

// The default model and the calibration that a model suggests have no part in a name; to have none where one is suggested has.
func TestAgentNames(t *testing.T) {
	for agent, want := range map[report.Agent]string{
		{Planner: "pessimistic", Model: "sparse-gp", Calibrate: "adaptive"}:                      "pessimistic",
		{Planner: "pessimistic", Model: "sparse-gp"}:                                             "pessimistic, uncalibrated",
		{Planner: "pessimistic", Model: "sparse-gp", Calibrate: "conformal"}:                     "pessimistic, conformal",
		{Planner: "pessimistic", Model: "sparse-gp", Calibrate: "adaptive", Filter: "on"}:        "pessimistic, filtered",
		{Planner: "pessimistic", Model: "sparse-gp", Filter: "on"}:                               "pessimistic, uncalibrated, filtered",
		{Planner: "pessimistic", Model: "prior+sparse-gp", Calibrate: "adaptive"}:                "pessimistic, prior+sparse-gp",
		{Planner: "pessimistic", Model: "prior+sparse-gp"}:                                       "pessimistic, prior+sparse-gp, uncalibrated",
		{Planner: "safe", Model: "probabilistic"}:                                                "safe, probabilistic",
		{Planner: "safe", Model: "probabilistic", Calibrate: "adaptive", Filter: "on"}:           "safe, probabilistic, adaptive, filtered",
		{Planner: "safe", Model: "true"}:                                                         "safe, true",
		{Planner: "safe", Model: "fsvgd"}:                                                        "safe, fsvgd", // no longer offered
		{Planner: "safe", Model: "sparse-gp", Calibrate: "adaptive", Filter: "somebody-s.Own"}:   "safe, filtered by somebody-s.Own",
		{Planner: "unsafe", Model: "linear", Calibrate: "temperature", Filter: "somebody-s.Own"}: "unsafe, linear, temperature, filtered by somebody-s.Own",
	} {
		if got := agent.String(); got != want {
			t.Errorf("%+v is called %q, want %q", agent, got, want)
		}
	}
}
