"""Gymnasium's InvertedPendulum-v5 (MuJoCo) as the plant of inverted_pendulum: a pole on a cart, upright at first.

It stops itself, as a machine would, when the pole leans by more than 0.15 rad; the limit of the task is at 0.2.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "plant"))

import gymnasium

import safex_plant

STOP = 0.15  # rad


class Pole(safex_plant.Gym):
    def step(self, u):
        state = super().step(u)
        if abs(state[1]) > STOP:
            raise safex_plant.End(state, terminated=True, why="the pole leans by more than %g rad" % STOP)
        return state


def state(env, observation):
    return dict(zip(["x", "angle", "v", "omega"], observation))


safex_plant.serve(Pole(gymnasium.make("InvertedPendulum-v5"), state, ["force"], ends=False))
