"""dm_control's cartpole swingup itself as the plant of swingup.

    pip install dm_control 'mujoco<4'
    go run ./safex/cmd/gym train swingup --plant 'python3 safex/cmd/gym/dm_swingup.py'

dm_control is no Gymnasium environment: it is a system of one's own.
"""

import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "plant"))
os.environ.setdefault("MUJOCO_GL", "disable")  # nothing is drawn

import numpy
from dm_control import suite

import safex_plant

REPEAT = 4  # steps of 0.01 s that an action lasts


class Swingup:
    state, action, repeats = ["x", "cos", "sin", "v", "omega"], ["force"], True

    def __init__(self):
        self.env = suite.load("cartpole", "swingup", environment_kwargs={"flat_observation": True})
        self.dt = REPEAT * self.env.control_timestep()

    def reset(self, seed):
        self.env.task._random = numpy.random.RandomState(seed)
        self.env.reset()
        return self.see()

    def step(self, u):
        for _ in range(REPEAT):
            over = self.env.step(u).last()
        if over:
            raise safex_plant.End(self.see(), truncated=True, why="the environment's time is up")
        return self.see()

    def see(self):
        (x, angle), (v, omega) = self.env.physics.data.qpos, self.env.physics.data.qvel
        return x, math.cos(angle), math.sin(angle), v, omega


if __name__ == "__main__":
    safex_plant.serve(Swingup())
