package opt

// A Coloured search draws noise that is correlated in time.
type Coloured interface {
	Minimizer
	// WithNoise is the search with another first standard deviation and colour of its noise.
	WithNoise(std, color float64) Minimizer
}

// WithNoise implements Coloured.
func (c ICEM) WithNoise(std, color float64) Minimizer {
	c.Std, c.Color = std, color
	return c
}

// WithNoise implements Coloured.
func (c MPPI) WithNoise(std, color float64) Minimizer {
	c.Std, c.Color = std, color
	return c
}
