package safex

// A Layered model is an ensemble of plain networks: its belief about x[t+1] - x[t] is the mean of its members' outputs,
// and its epistemic deviation √(mean (output - mean)² + 1e-16).
type Layered interface {
	Model
	// Layers are the networks, nil if the model has none after all. Callers must not change them.
	Layers() *Layers
}

// Layers are networks of one shape, side by side. They map physical states and actions to physical differences of the state.
type Layers struct {
	Members    int
	Activation string  // of all layers but the last: swish (x σ(x)), relu or tanh
	Dense      []Dense // from (x, u) to the difference, at least 1
}

// Dense is one layer of each member: y = W x + b.
type Dense struct {
	In, Out int
	Weights []float32 // [members, Out, In]
	Bias    []float32 // [members, Out]
}
