package vec

import "fmt"

// floor keeps the gradient of the deviation finite where the members agree.
const floor = 1e-16

// Spread is the mean of members' rows and their deviation √(mean (y - mean)² + 1e-16). y holds the rows of the first
// member, then those of the next; mean and dev are as long as the rows of one. dev may be empty.
func Spread(mean, dev, y []float32, members int) {
	same("Spread", len(mean))
	if members < 1 || len(y) != members*len(mean) || len(dev) != 0 && len(dev) != len(mean) {
		panic(fmt.Sprintf("vec: Spread of %d members' %d numbers into %d and %d", members, len(y), len(mean), len(dev)))
	}
	current.Load().spread(mean, dev, y, members)
}

// SpreadBack is the gradient dy with respect to y, from those with respect to the results mean and dev of Spread. Where the
// members nearly agree, their differences to the mean, which is rounded, do not sum to 0: what is left of them would move
// all members together, and is taken out.
func SpreadBack(dy, y, mean, dev, gMean, gDev []float32, members int) {
	same("SpreadBack", len(mean), len(dev), len(gMean), len(gDev))
	if members < 1 || len(y) != members*len(mean) || len(dy) != len(y) {
		panic(fmt.Sprintf("vec: SpreadBack of %d members' %d numbers into %d from %d", members, len(y), len(dy), len(mean)))
	}
	current.Load().spreadBack(dy, y, mean, dev, gMean, gDev, members)
}
