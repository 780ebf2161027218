"""Gymnasium's Reacher-v5 (MuJoCo) as the plant of reacher: an arm of two links, outstretched at first, and a target that stays where it is."""

import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "plant"))

import gymnasium
import numpy

import safex_plant


def begin(env, seed):
    env.reset(seed=seed)
    joints = env.unwrapped.np_random.uniform(-0.05, 0.05, 2)
    env.unwrapped.set_state(numpy.array([joints[0], joints[1], 0, 0]), numpy.zeros(4))


def state(env, observation):
    angles, speeds = env.unwrapped.data.qpos[:2], env.unwrapped.data.qvel[:2]
    return {
        "cos_1": math.cos(angles[0]), "sin_1": math.sin(angles[0]), "cos_2": math.cos(angles[1]), "sin_2": math.sin(angles[1]),
        "omega_1": speeds[0], "omega_2": speeds[1],
    }


safex_plant.serve(safex_plant.Gym(gymnasium.make("Reacher-v5", max_episode_steps=1000), state, ["torque_1", "torque_2"], reset=begin))
