// Command safex explores dynamical systems safely: it trains agents, simulates tasks, and opens
// the notebooks.
package main

import "github.com/rischiboy/safe_exploration/safex/cli"

func main() { cli.Main() }
