package reach

import "math"

// unit is twice the unit roundoff of float64, 2⁻⁵³. Bounds of this package count each rounding with it, so that every one of them has
// a factor of two to spare, for what products of such bounds leave out.
const unit = 0x1p-52

// tiny is added where a result may be too small to be a normal number: it is more than the sum of all such losses.
const tiny = 1e-290

// gamma is at least γₙ = n u / (1 - n u), u = 2⁻⁵³, with room for a few more roundings: a sum of n products in any order, with or
// without fused multiply-add, is off by at most γₙ times the sum of their magnitudes (Higham, 2002, section 3.1).
func gamma(n int) float64 { return float64(n+8) * unit }

// above is at least the exact value of a sum of n numbers of one sign, or of products of them, that came out as v.
func above(v float64, n int) float64 { return v*(1+gamma(n)) + tiny }

// Rounding is half the width of a box of noise, in the units of the state, for what engines round in a step under errors of up to beta epistemic
// deviations: as the Noise of a Plan, or a part of it, it has their trajectories in the tube too. A step of a network in float32 was off by up
// to 5e-6 of its Unit at two deviations, and is given four times as much; that of any other model, in float64, by 1e-11, and is given 1e-9 of
// the Scale. The deviation of a process of one covariance was off by up to 2e-10 of what it is where nothing was seen, as it is a small difference, and is given
// fifty times as much. None of it is proved.
func (p *Prover) Rounding(beta float64) []float64 {
	w := make([]float64, p.nx)
	for d, v := range p.system.State {
		if w[d] = 1e-9 * v.Scale; p.unit != nil {
			w[d] += 2e-5 * p.unit[d] * max(1, (1+beta*p.scale[d])/3) // both of mean and deviation are off
		}
		if p.signal != nil {
			w[d] += 1e-8 * p.signal[d] * beta * p.scale[d]
		}
	}
	return w
}

// outward is v moved away by what a few sums may be off.
func outward(v float64, sign float64) float64 { return v + sign*(math.Abs(v)*8*unit+tiny) }

// calibrated is at least √((scale σ)² + floor²), for every σ from 0 to dev.
func calibrated(dev, scale, floor float64) float64 { return above(math.Hypot(scale*dev, floor), 8) }
