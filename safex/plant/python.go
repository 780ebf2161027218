package plant

import _ "embed"

// Python is safex_plant.py, with which a system in Python answers: one of one's own, or a Gymnasium environment.
//
//go:embed safex_plant.py
var Python string
