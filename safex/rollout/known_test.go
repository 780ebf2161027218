package rollout_test

import (
	"testing"

	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

func TestKnownLaws(t *testing.T) { modeltest.Run(t, rollout.Known{}, modeltest.Laws{Exact: true}) }
