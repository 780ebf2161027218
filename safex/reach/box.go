package reach

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// Bounds are what a model says of the next states of boxes, one in each lane. In dimension d the mean of lane i is between Lo[d][i] and
// Hi[d][i], and the epistemic deviation at most Doubt[d][i], which is not times β: the next state is in
//
//	[Lo - β Doubt, Hi + β Doubt]
//
// for every state and action of the box and every model error η in [-1, 1]. All three are in the units of the state. Where nothing is
// known, Lo is -Inf, and Hi and Doubt are +Inf; none is a NaN.
type Bounds struct{ Lo, Hi, Doubt num.Batch }

// Resize makes b hold n boxes of a state of the given dimension. What it held is lost.
func (b *Bounds) Resize(dim, n int) {
	for _, x := range []*num.Batch{&b.Lo, &b.Hi, &b.Doubt} {
		if len(*x) != dim || x.Len() != n {
			*x = num.NewBatch(dim, n)
		}
	}
}

// Box bounds the next states of n boxes into dst, which it grows as needed. Box i has all states between xlo[d][i] and xhi[d][i], and all
// actions between ulo[k][i] and uhi[k][i], in any combination; a point has both ends equal. Actions are taken as they are: they are not
// clipped to [-1, 1]. Box is one chord step for each box, in vectors and on all cores: some 50 µs of one core for an ensemble of 5 × [64, 64].
// Lanes do not depend on each other, but for which dimensions are points in all of them. It panics if the dimensions or lengths disagree, and
// if a box has its ends in the wrong order or one that is not a number.
func (p *Prover) Box(dst *Bounds, xlo, xhi, ulo, uhi num.Batch) {
	n := xlo.Len()
	if len(xlo) != p.nx || len(xhi) != p.nx || len(ulo) != p.nu || len(uhi) != p.nu || xhi.Len() != n || ulo.Len() != n || uhi.Len() != n {
		panic(fmt.Sprintf("reach: Box of %d to %d state and %d to %d action dimensions, and of %d, %d, %d and %d lanes, for a system of %d and %d dimensions",
			len(xlo), len(xhi), len(ulo), len(uhi), n, xhi.Len(), ulo.Len(), uhi.Len(), p.nx, p.nu))
	}
	lo, hi := slices.Concat(xlo, ulo), slices.Concat(xhi, uhi)
	var wide []int // dimensions of (x, u) that are not points
	for d := range lo {
		points := true
		for i, a := range lo[d] {
			b := hi[d][i]
			if !(a <= b) || math.IsInf(a, 0) || math.IsInf(b, 0) {
				panic(fmt.Sprintf("reach: box %d is from %v to %v in dimension %d", i, a, b, d))
			}
			points = points && a == b
		}
		if !points {
			wide = append(wide, d)
		}
	}
	dst.Resize(p.nx, n)
	blocks := (n + lanes - 1) / lanes
	var at atomic.Int64
	work := func() {
		w := p.boxes(wide)
		for {
			k := int(at.Add(1)) - 1
			if k >= blocks {
				return
			}
			w.block(dst, lo, hi, k*lanes, min(n, (k+1)*lanes))
		}
	}
	var wait sync.WaitGroup
	for range min(blocks, runtime.GOMAXPROCS(0)) - 1 {
		wait.Go(work)
	}
	work()
	wait.Wait()
}

// boxer is the memory of a worker of Box.
type boxer struct {
	*Prover
	wide    []int
	patches patches
	said    *enclosures
	patcher patcher
	in, out []num.Affine
}

func (p *Prover) boxes(wide []int) *boxer {
	nz, nv := p.nx+p.nu, len(wide)
	b := &boxer{Prover: p, wide: wide, said: newEnclosures(p.nx, nv), patcher: p.source.patcher(nv), in: make([]num.Affine, nz), out: make([]num.Affine, p.nx)}
	b.patches = patches{nz: nz, nv: nv, mid: make([]float64, nz*lanes), span: make([]float64, nz*nv*lanes), off: make([]float64, nz*lanes)}
	return b
}

// block bounds boxes from to to, at most lanes.
func (b *boxer) block(dst *Bounds, lo, hi num.Batch, from, to int) {
	q, nv := &b.patches, len(b.wide)
	for d := range lo {
		for l := range lanes {
			i := min(from+l, to-1)
			q.mid[d*lanes+l] = lo[d][i]/2 + hi[d][i]/2
		}
	}
	for k, d := range b.wide {
		for l := range lanes {
			i := min(from+l, to-1)
			mid := q.mid[d*lanes+l]
			q.span[(d*nv+k)*lanes+l] = max(hi[d][i]-mid, mid-lo[d][i]) * (1 + 4*unit)
		}
	}
	b.patcher.enclose(b.said, q)
	for i := from; i < to; i++ {
		if b.prior != nil {
			b.evalPrior(lo, hi, i, i-from)
		}
		for d := range b.nx {
			b.bound(dst, d, i, i-from)
		}
	}
}

// evalPrior encloses the prior over box i, in lane l.
func (b *boxer) evalPrior(lo, hi num.Batch, i, l int) {
	for d := range b.in {
		b.in[d] = num.Affine{Mid: b.patches.mid[d*lanes+l], Range: num.Interval{Lo: lo[d][i], Hi: hi[d][i]}}
	}
	for k, d := range b.wide {
		coef := make([]float64, k+1)
		coef[k] = b.patches.span[(d*len(b.wide)+k)*lanes+l]
		b.in[d].Coef = coef
	}
	b.prior.EvalAffine(b.out, b.in, len(b.wide))
}

// bound writes what is said of dimension d of box i, in lane l.
func (b *boxer) bound(dst *Bounds, d, i, l int) {
	nv := len(b.wide)
	mid, rad := b.said.mid[d*lanes+l], b.said.rad[d*lanes+l]
	own := rad // of the change alone
	slope := func(k int) float64 { return b.said.slope[(d*nv+k)*lanes+l] }
	size := math.Abs(mid)
	for k := range nv {
		own += math.Abs(slope(k))
		size += math.Abs(slope(k))
	}
	var low, high float64
	if b.prior == nil {
		x := b.patches.mid[d*lanes+l]
		for k, at := range b.wide {
			s := slope(k)
			if at == d {
				r := b.patches.span[(d*nv+k)*lanes+l]
				s += r
				size += r
			}
			rad += math.Abs(s)
		}
		rad += gamma(2*nv+8)*(size+math.Abs(x)+rad) + tiny
		low, high = x+mid-rad, x+mid+rad
	} else {
		f := b.out[d]
		own += gamma(nv+8)*(size+rad) + tiny
		r := f.At(nil)
		low, high = outward(r.Lo+(mid-own), -1), outward(r.Hi+(mid+own), 1)
		if !math.IsInf(f.Rad, 1) {
			for k := range max(nv, len(f.Coef)) {
				s := 0.0
				if k < nv {
					s = slope(k)
				}
				if k < len(f.Coef) {
					s += f.Coef[k]
					size += math.Abs(f.Coef[k])
				}
				rad += math.Abs(s)
			}
			rad += f.Rad
			rad += gamma(2*len(f.Coef)+2*nv+8)*(size+math.Abs(f.Mid)+rad) + tiny
			low, high = max(low, f.Mid+mid-rad), min(high, f.Mid+mid+rad)
		}
		if f.Range.MayNaN {
			low = math.NaN()
		}
	}
	doubt := calibrated(b.said.dev[d*lanes+l], b.scale[d], b.floor[d])
	if !(low <= high && high-low < math.Inf(1) && doubt < math.Inf(1)) { // NaN too
		low, high, doubt = math.Inf(-1), math.Inf(1), math.Inf(1)
	}
	dst.Lo[d][i], dst.Hi[d][i], dst.Doubt[d][i] = low, high, doubt
}

// outward is v moved away by what a few sums may be off.
func outward(v float64, sign float64) float64 { return v + sign*(math.Abs(v)*8*unit+tiny) }

// calibrated is at least √((scale σ)² + floor²), for every σ from 0 to dev.
func calibrated(dev, scale, floor float64) float64 { return above(math.Hypot(scale*dev, floor), 8) }
