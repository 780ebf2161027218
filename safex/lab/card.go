package lab

import (
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/run"
)

// AssumedBeta is the β of the box that a card asks about if the planner defended none.
const AssumedBeta = 2

// Card is the account of the beliefs of the run in the folder dir. It draws the figure into figures/card.png there.
func Card(dir string) (*reliability.Card, error) {
	system, episodes, err := Open(dir)
	if err != nil {
		return nil, err
	}
	c, err := reliability.New(system, episodes, AssumedBeta)
	if err != nil {
		return nil, err
	}
	png, err := fig.Card(c).PNG()
	if err != nil {
		return nil, err
	}
	return c, run.Write(dir, "figures/card.png", png)
}
