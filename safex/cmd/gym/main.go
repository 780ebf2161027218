// The command gym is safex with tasks whose real systems are simulators in Python: it shows how a plant of one's own is learned.
//
//	pip install 'gymnasium[mujoco]'
//	go run ./safex/cmd/gym train swingup
//	go run ./safex/cmd/gym train reacher --planner unsafe
//	go run ./safex/cmd/gym train inverted_pendulum
//	go run ./safex/cmd/gym train scg_cartpole
//	go run ./safex/cmd/gym train scg_quadrotor
//	go run ./safex/cmd/gym train pendulum --plant 'python3 safex/cmd/gym/pendulum.py'
//
// Reward and limits are formulas of the state, here; the dynamics are in the scripts beside this file, which are started from the folder that the
// command is given in.
package main

import "github.com/rischiboy/safe_exploration/safex/cli"

func main() {
	cli.Main(DefaultSwingup(), DefaultReacher(), DefaultInvertedPendulum(), DefaultSCGCartPole(), DefaultSCGQuadrotor())
}
