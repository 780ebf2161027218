package browser

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"slices"
	"time"

	"github.com/kettek/apng"
)

// Changed is the share of the points of two pictures that differ by more than noise.
func Changed(a, b image.Image) float64 {
	const noise = 24 << 8 // of a colour, in 16 bits
	box := a.Bounds().Intersect(b.Bounds())
	if box.Empty() || a.Bounds() != b.Bounds() {
		return 1
	}
	n := 0
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			r, g, c, _ := a.At(x, y).RGBA()
			s, h, d, _ := b.At(x, y).RGBA()
			if apart(r, s) > noise || apart(g, h) > noise || apart(c, d) > noise {
				n++
			}
		}
	}
	return float64(n) / float64(box.Dx()*box.Dy())
}

func apart(a, b uint32) uint32 { return max(a, b) - min(a, b) }

// Film is pictures of one size as an animated PNG, in the colours that most of their points have, each for a time. Each but the first holds what has changed.
func Film(pictures []image.Image, each time.Duration) ([]byte, error) {
	if len(pictures) == 0 {
		return nil, fmt.Errorf("browser: a film of no pictures")
	}
	colours := common(pictures)
	var film apng.APNG
	var last *image.Paletted
	for _, p := range pictures {
		whole := image.NewPaletted(image.Rect(0, 0, p.Bounds().Dx(), p.Bounds().Dy()), colours)
		draw.Draw(whole, whole.Rect, p, p.Bounds().Min, draw.Src)
		part := apng.Frame{Image: whole, DelayNumerator: uint16(each.Milliseconds()), DelayDenominator: 1000}
		if last != nil {
			news := since(last, whole)
			part.XOffset, part.YOffset = news.Rect.Min.X, news.Rect.Min.Y
			news.Rect = news.Rect.Sub(news.Rect.Min)
			part.Image = news
		}
		film.Frames, last = append(film.Frames, part), whole
	}
	film.Frames[0].IsDefault = len(film.Frames) == 1
	var b bytes.Buffer
	if err := apng.Encode(&b, film); err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	return b.Bytes(), nil
}

// common are the 128 colours that most points have.
func common(pictures []image.Image) (p color.Palette) {
	count := map[color.RGBA]int{}
	for _, m := range pictures {
		plain := image.NewRGBA(image.Rect(0, 0, m.Bounds().Dx(), m.Bounds().Dy()))
		draw.Draw(plain, plain.Rect, m, m.Bounds().Min, draw.Src)
		for i := 0; i < len(plain.Pix); i += 4 {
			count[color.RGBA{plain.Pix[i], plain.Pix[i+1], plain.Pix[i+2], 255}]++
		}
	}
	var all []color.RGBA
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	for _, c := range all[:min(128, len(all))] {
		p = append(p, c)
	}
	return p
}

// since is the smallest part of now that has all that differs from before.
func since(before, now *image.Paletted) *image.Paletted {
	var where image.Rectangle
	for y := range now.Rect.Dy() {
		for x := range now.Rect.Dx() {
			if now.ColorIndexAt(x, y) != before.ColorIndexAt(x, y) {
				where = where.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if where.Empty() {
		where = image.Rect(0, 0, 1, 1) // a frame holds at least a point
	}
	part := image.NewPaletted(where, now.Palette)
	draw.Draw(part, where, now, where.Min, draw.Src)
	return part
}
