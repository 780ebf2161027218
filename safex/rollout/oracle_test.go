package rollout_test

import (
	"testing"

	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

func TestOracleLaws(t *testing.T) { modeltest.Run(t, rollout.Oracle{}, modeltest.Laws{Exact: true}) }
