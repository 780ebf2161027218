"""Gymnasium's Pendulum-v1 as a plant of the task pendulum: hanging at first, as that task has it.

    safex train pendulum --plant 'python3 safex/cmd/gym/pendulum.py'

The numbers of the state are those of the environment itself, which its observation rounds to 24 bits.
"""

import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "plant"))

import gymnasium
import numpy

import safex_plant

BAND = 0.1  # rad and rad/s: half the width of the start around hanging still


def begin(env, seed):
    observation, _ = env.reset(seed=seed)
    draw = env.unwrapped.np_random.uniform(-BAND, BAND, 2)
    env.unwrapped.state = numpy.array([math.pi + draw[0], draw[1]])
    return observation


def state(env, observation):
    angle, speed = env.unwrapped.state
    return {"cos": math.cos(angle), "sin": math.sin(angle), "omega": speed}


safex_plant.serve(safex_plant.Gym(gymnasium.make("Pendulum-v1"), state, ["torque"], reset=begin))
