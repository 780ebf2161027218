package figures

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/internal/bench"
)

// drawRivals draws a file of safex bench --peers: how many times as long as safex each peer takes, a panel for each.
func drawRivals(path string) (*fig.Figure, error) {
	c, err := bench.ReadComparison(path)
	if err != nil {
		return nil, err
	}
	if len(c.Rows) == 0 {
		return nil, fmt.Errorf("%s holds no rows", path)
	}
	var peers []string
	panels := map[string]*fig.HorizontalBars{}
	asked := map[[2]string]int{}
	for _, r := range c.Rows {
		asked[[2]string{r.Peer, r.What}]++
	}
	g := fig.Grid{Columns: 1}
	for _, r := range c.Rows {
		p := panels[r.Peer]
		if p == nil {
			p = &fig.HorizontalBars{Title: r.Peer, X: "times as long as safex", Most: 1}
			panels[r.Peer], peers = p, append(peers, r.Peer)
		}
		name, times := r.What, rounded(1/r.Ratio)
		if asked[[2]string{r.Peer, r.What}] > 1 { // it stands beside several of ours
			name = "beside " + r.Our
		}
		switch {
		case r.Open:
			times = "more than " + times
		case r.Low > 0 && r.High > r.Low:
			times += fmt.Sprintf(" (%s to %s)", rounded(1/r.High), rounded(1/r.Low))
		}
		p.Bars, p.Texts = append(p.Bars, fig.Bar{Name: name, Value: 1 / r.Ratio}), append(p.Texts, times)
	}
	for _, name := range peers {
		p := panels[name]
		for _, b := range p.Bars {
			p.Most = max(p.Most, 1.5*b.Value) // with room for the texts
		}
		g.Charts, g.Tall = append(g.Charts, p), append(g.Tall, 2.4+0.55*float64(len(p.Bars)))
	}
	g.Notes = []string{
		"The median over turns in which both take theirs one after the other, with its range: below 1 the peer is faster.",
		fmt.Sprintf("%s, %s, load %s before.", c.Machine, c.CPU, c.Load),
	}
	return g.Figure(), nil
}

// rounded is a number with three digits, and whole from 100 on.
func rounded(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
