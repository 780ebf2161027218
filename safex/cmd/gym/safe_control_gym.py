"""The cart-pole and the planar quadrotor of safe-control-gym (Yuan et al., 2022) as plants of scg_cartpole and scg_quadrotor.

    python3 safe_control_gym.py cartpole 0.1

pip has no safe-control-gym; this file needs Python alone. Equations, parameters, starts and limits are those of the repository
utiasDSL/safe-control-gym: its symbolic models, and experiments/arxiv/cartpole_constraint and quadrotor_constraint. They are taken through time as
PyBullet does there, in steps of 1 ms, and an action lasts 0.1 s, as for its GP-MPC. The number is the standard deviation of its disturbance
"white_noise" of the action, in N of force, or in N and rad of the quadrotor's commands; 0 without it.
"""

import math
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "plant"))

import safex_plant

GRAVITY = 9.8  # m/s²
TICK, TICKS = 0.001, 100  # s of a step of PyBullet's, and how many an action lasts


class Simulated:
    """Places and their speeds, which accelerations() changes: speeds first, then places."""

    dt, repeats = TICK * TICKS, True

    def __init__(self, noise):
        self.noise = noise

    def reset(self, seed):
        self.draw = random.Random(seed)
        self.place, self.speed = self.start()
        return self.see()

    def step(self, u):
        noise = [self.draw.gauss(0, self.noise) for _ in u]
        for _ in range(TICKS):
            for k, a in enumerate(self.accelerations(u, noise)):
                self.speed[k] += TICK * a
            for k, v in enumerate(self.speed):
                self.place[k] += TICK * v
        return self.see()

    def see(self):
        return [v for pair in zip(self.place, self.speed) for v in pair]

    def band(self, half):
        return self.draw.uniform(-half, half)


class CartPole(Simulated):
    """The action is a force on top of that of a regulator on board, which holds the pole; together they are 10 N at most, as in the repository."""

    state, action = ["x", "v", "theta", "omega"], ["force"]
    CART, POLE, HALF, FORCE = 1, 0.1, 0.5, 10  # kg, kg, m, half the length of the pole, and N
    STIFF, DAMP = 17, 4  # N/rad and N s/rad of the regulator

    def start(self):
        x, v, theta, omega = self.band(0.3), self.band(0.05), self.band(0.1), self.band(0.05)
        return [x, theta], [v, omega]

    def accelerations(self, u, noise):
        (_, theta), (_, omega) = self.place, self.speed
        sin, cos = math.sin(theta), math.cos(theta)
        mass, lever = self.CART + self.POLE, self.POLE * self.HALF
        force = self.STIFF * theta + self.DAMP * omega + self.FORCE * u[0] + noise[0]
        push = (max(-self.FORCE, min(self.FORCE, force)) + lever * omega * omega * sin) / mass
        turn = (GRAVITY * sin - cos * push) / (self.HALF * (4 / 3 - self.POLE * cos * cos / mass))
        return push - lever * turn * cos / mass, turn


class Quadrotor(Simulated):
    """The repository's TWO_D_ATTITUDE: a controller on board turns it to the lean that is commanded, as it was identified from flights.

    The state has the phase of the circle that is to be flown in 5 s: x = -sin / 2, z = (1 - cos) / 2, in m.
    """

    state, action = ["x", "vx", "z", "vz", "theta", "omega", "cos", "sin"], ["thrust", "lean"]
    LOW, HIGH = (0.079, -0.4), (0.47628, 0.4)  # N and rad, of the commands

    def start(self):
        self.phase = 0.0
        return [self.band(0.02), 0.45 + self.band(0.02), 0.0], [0.0, 0.0, 0.0]

    def step(self, u):
        self.phase += 2 * math.pi * self.dt / 5
        return super().step(u)

    def see(self):
        return super().see() + [math.cos(self.phase), math.sin(self.phase)]

    def accelerations(self, u, noise):
        thrust, lean = [lo + (v + 1) / 2 * (hi - lo) + n for v, n, lo, hi in zip(u, noise, self.LOW, self.HIGH)]
        theta, omega = self.place[2], self.speed[2]
        lift = 18.112984649321753 * thrust + 3.68
        return lift * math.sin(theta) - 0.008, lift * math.cos(theta) - GRAVITY, -140.8 * theta - 13.4 * omega + 124.8 * lean


SYSTEMS = {"cartpole": CartPole, "quadrotor": Quadrotor}


def chosen(words):
    """The system that the words of the command name, or a sentence that says what they can be."""
    name, noise = (words + ["0"])[:2] if len(words) in (1, 2) else ("", "")
    try:
        std = float(noise)
    except ValueError:
        std = -1.0
    if name not in SYSTEMS or not 0 <= std < math.inf:
        sys.exit("safe_control_gym.py %s: want cartpole or quadrotor, and a standard deviation of noise, at least 0, or nothing" % " ".join(words))
    return SYSTEMS[name](std)


if __name__ == "__main__":
    safex_plant.serve(chosen(sys.argv[1:]))
