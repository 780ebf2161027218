package opt_test

import (
	"testing"

	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/opttest"
)

// Every method keeps the laws, under its default settings and others; the short ones
// cannot come near every minimum of 40 columns, the long ones do.
func TestLawsOfAll(t *testing.T) {
	for _, c := range []struct {
		name string
		m    opt.Minimizer
		laws opttest.Laws
	}{
		{"ICEM", opt.DefaultICEM(), opttest.Laws{Within: 0.8}},
		{"ICEM, long", with(opt.DefaultICEM(), func(c *opt.ICEM) {
			c.Iterations, c.Samples, c.Elites, c.MinStd, c.Color = 40, 300, 30, 0, 0.5
		}), opttest.Laws{Within: 0.05}},
		{"ICEM, shrinking", with(opt.DefaultICEM(), func(c *opt.ICEM) {
			c.Iterations, c.Samples, c.Elites, c.Shrink, c.MinStd, c.Color = 40, 300, 30, 0.05, 0, 0.5
		}), opttest.Laws{Within: 0.15}},
		{"CEM", opt.DefaultCEM(), opttest.Laws{Within: 0.4}},
		{"CEM, long", with(opt.DefaultCEM(), func(c *opt.CEM) { c.Iterations, c.MinStd = 40, 0 }), opttest.Laws{Within: 0.05}},
		{"CEM, mean", with(opt.DefaultCEM(), func(c *opt.CEM) { c.Iterations, c.Mean, c.Momentum = 40, true, 0.2 }), opttest.Laws{Within: 0.05, Mean: true}},
		{"CEM, published", opt.ReferenceCEM(), opttest.Laws{Within: 0.4, Cold: true, Forgets: true}},
		{"CEM, published but long and warm", with(opt.ReferenceCEM(), func(c *opt.CEM) { c.Iterations, c.Warm = 40, true }), opttest.Laws{Within: 0.05, Forgets: true}},
		{"MPPI", opt.DefaultMPPI(), opttest.Laws{Within: 0.8}},
		{"MPPI, long", with(opt.DefaultMPPI(), func(c *opt.MPPI) {
			c.Iterations, c.Samples, c.Elites, c.Color, c.Anneal = 40, 300, 30, 0.5, 0.9
		}), opttest.Laws{Within: 0.05}},
	} {
		t.Run(c.name, func(t *testing.T) { opttest.Run(t, c.m, c.laws) })
	}
}

// with is c after a change.
func with[C any](c C, change func(c *C)) C {
	change(&c)
	return c
}
