package fig

import (
	"fmt"
	"image/color"

	"github.com/rischiboy/safe_exploration/safex"
)

// Colours are those of every figure as CSS writes them, for pages that draw beside them: paper, ink, grid, limit, bound and edge; line0 and so on of
// the lines of a panel; role0 and so on of the shapes of a sketch by safex.Role, and rim0 and so on of those that are lines.
func Colours() map[string]string {
	css := func(c color.Color) string {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		return fmt.Sprintf("rgba(%d,%d,%d,%.3g)", n.R, n.G, n.B, float64(n.A)/255)
	}
	all := map[string]string{
		"paper": css(theme.paper), "ink": css(theme.ink), "grid": css(theme.grid), "limit": css(theme.limit), "bound": css(theme.bound), "edge": css(theme.edge),
	}
	for k := range 8 {
		all[fmt.Sprint("line", k)] = css(series(k))
	}
	for r := safex.Body; r <= safex.Command; r++ {
		all[fmt.Sprint("role", int(r))], all[fmt.Sprint("rim", int(r))] = css(areaColor(r)), css(lineColor(r))
	}
	return all
}
