package reach

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// features is a regression on features.
type features struct {
	nz, nx, k     int
	program       *num.Program
	weights, root []float64 // [nx, k], [k, k]
	scale         []float64
}

func newFeatures(f *safex.Features, nx, nz int) *features {
	k := f.Program.Out
	if f.Program.In != nz || len(f.Weights) != nx*k || len(f.Root) != k*k || len(f.Scale) != nx {
		panic(fmt.Sprintf("reach: %d features of %d inputs have %d weights, a root of %d and %d scales for %d state dimensions and %d inputs",
			k, f.Program.In, len(f.Weights), len(f.Root), len(f.Scale), nx, nz))
	}
	return &features{nz, nx, k, f.Program, f.Weights, f.Root, f.Scale}
}

// patcher implements source.
func (f *features) patcher(nv int) patcher { return straight{newOneByOne(f.setter(), f.nz, nv)} }

// setter implements source.
func (f *features) setter() setter { return &regression{features: f} }

// regression is a features' setter. The features are affine forms of y, so what is linear in them is too, and the deviation is the length of Root
// times the features.
type regression struct {
	*features
	deviation deviation
}

// inputs are z of a region as affine forms of y.
func (r *region) inputs() []num.Affine {
	in := make([]num.Affine, r.nz)
	for d := range in {
		row := r.span[d*r.nv:][:r.nv]
		far := (radiusUp(row, r.gen) + r.off[d]) * (1 + 4*unit)
		if far <= 2*tiny {
			in[d] = num.Known(r.mid[d])
			in[d].Rad = far
			in[d].Range = num.Interval{Lo: outward(r.mid[d]-far, -1), Hi: outward(r.mid[d]+far, 1)}
			if r.off[d] == 0 && greatest(row) == 0 {
				in[d] = num.Known(r.mid[d])
			}
			continue
		}
		in[d] = num.Affine{Mid: r.mid[d], Coef: row, Rad: r.off[d], Range: num.Interval{Lo: outward(r.mid[d]-far, -1), Hi: outward(r.mid[d]+far, 1)}}
	}
	return in
}

// enclose implements setter.
func (x *regression) enclose(dst *enclosure, r *region) {
	k, nv := x.k, r.nv
	dst.resize(x.nx, nv)
	φ := make([]num.Affine, k)
	symbols := x.program.EvalAffine(φ, r.inputs(), nv)
	size := make([]float64, k)
	for i := range φ {
		f := &φ[i]
		if math.IsInf(f.Rad, 1) && !f.Range.MayNaN { // a range is all
			mid := f.Range.Lo/2 + f.Range.Hi/2
			*f = num.Affine{Mid: mid, Rad: max(f.Range.Hi-mid, mid-f.Range.Lo) * (1 + 4*unit)}
		}
		if f.Range.MayNaN {
			*f = num.Affine{Rad: math.Inf(1)}
		}
		size[i] = math.Abs(f.Mid)
		for _, v := range f.Coef {
			size[i] += math.Abs(v)
		}
	}
	// sum is a row of weights times the features: in mid + slope y ± rad.
	extra := make([]float64, symbols-nv)
	sum := func(row, slope []float64) (mid, rad float64) {
		clear(slope)
		clear(extra)
		loss := 0.0
		for i, w := range row {
			if w == 0 {
				continue
			}
			f := &φ[i]
			mid += w * f.Mid
			rad += math.Abs(w) * f.Rad
			loss += math.Abs(w) * size[i]
			for s, v := range f.Coef {
				if s < nv {
					slope[s] += w * v
				} else {
					extra[s-nv] += w * v
				}
			}
		}
		for _, v := range extra {
			rad += math.Abs(v)
		}
		return mid, above(rad, k+symbols) + gamma(k+4)*loss
	}
	for d := range x.nx {
		mid, rad := sum(x.weights[d*k:][:k], dst.slope[d*nv:][:nv])
		s, size := x.scale[d], math.Abs(mid)
		for i := range nv {
			size += math.Abs(dst.slope[d*nv+i])
			dst.slope[d*nv+i] *= s
		}
		dst.mid[d], dst.rad[d] = s*mid, above(math.Abs(s)*(rad+gamma(2)*size), 4)
	}
	x.deviation.resize(k, nv)
	for o := range k {
		x.deviation.v[o], x.deviation.rad[o] = sum(x.root[o*k:][:k], x.deviation.a[o*nv:][:nv])
	}
	norm := x.deviation.norm(r.gen)
	for d, s := range x.scale {
		dst.dev[d] = above(math.Abs(s)*math.Sqrt(above(norm*norm, 2)+1e-16), 4)
	}
}

// oneByOne encloses patches one after the other, as regions whose y fill the cube.
type oneByOne struct {
	setter setter
	region region
	said   enclosure
}

func newOneByOne(s setter, nz, nv int) *oneByOne {
	return &oneByOne{setter: s, region: region{nz: nz, nv: nv, mid: make([]float64, nz), span: make([]float64, nz*nv), off: make([]float64, nz)}}
}

// enclose implements patcher. A lane that is the same as the one before is not computed again.
func (o *oneByOne) enclose(dst *enclosures, p *patches) {
	r := &o.region
	for l := range lanes {
		same := l > 0
		for _, part := range []struct{ to, from []float64 }{{r.mid, p.mid}, {r.span, p.span}, {r.off, p.off}} {
			for i := range part.to {
				same = same && part.to[i] == part.from[i*lanes+l]
				part.to[i] = part.from[i*lanes+l]
			}
		}
		if !same {
			o.setter.enclose(&o.said, r)
		}
		for _, part := range []struct{ to, from []float64 }{{dst.mid, o.said.mid}, {dst.slope, o.said.slope}, {dst.rad, o.said.rad}, {dst.dev, o.said.dev}} {
			for i, v := range part.from {
				part.to[i*lanes+l] = v
			}
		}
	}
}
