package gp_test

import (
	"testing"

	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
)

func TestSparse(t *testing.T) {
	modeltest.Run(t, gp.DefaultSparse(), modeltest.Laws{})
	few := gp.DefaultSparse()
	few.Points, few.Spare, few.Fit = 20, 3, false
	modeltest.Run(t, few, modeltest.Laws{})
}
