"""Lets safex learn a system that is written in Python.

A system of one's own is an object that serve() answers for:

    import safex_plant

    class Spring:
        state, action, dt, repeats = ["x", "v"], ["force"], 0.1, True

        def reset(self, seed):
            self.x, self.v = 1.0, 0.0
            return self.x, self.v

        def step(self, u):              # u: a list of numbers in [-1, 1]
            self.v += self.dt * (u[0] - self.x)
            self.x += self.dt * self.v
            return self.x, self.v

    safex_plant.serve(Spring())

A Gymnasium environment needs the names of the state that safex sees, and what they are:

    import gymnasium, safex_plant

    env = gymnasium.make("Pendulum-v1")
    safex_plant.serve(safex_plant.Gym(
        env, action=["torque"],
        state=lambda env, seen: {"cos": seen[0], "sin": seen[1], "omega": seen[2]}))

and is then learned by

    safex train pendulum --plant 'python3 my_pendulum.py'

The names, their order and dt have to be those of the task; its reward and its limits are the task's own, and
what the environment says of rewards is passed over. This file needs Python 3.8 and nothing else; Gymnasium
is what the caller's environment comes from.
"""

import json
import math
import os
import sys


# What is printed from here on, also by libraries that are not Python, goes to standard error.
_OUT = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8", newline="\n")
os.dup2(2, 1)


class End(Exception):
    """Raised by step() of one's own system when the episode is over there: End(state, terminated=True, why="it fell")."""

    def __init__(self, state, terminated=False, truncated=False, why=""):
        super().__init__(why)
        self.state, self.terminated, self.truncated, self.why = state, terminated, truncated, why


class Gym:
    """A Gymnasium environment with continuous actions, as a system for serve().

    env      the environment, as gymnasium.make gives it, with its wrappers
    state    a function of env and its observation: a dict of the names and numbers of the state that safex sees, in order. What the
             observation rounds or leaves out can be taken from env.unwrapped
    action   the names of the actions
    dt       seconds in a step; env.unwrapped.dt if it is not given
    reset    a function of env and a seed that begins an episode and returns its observation, where env.reset(seed=seed) does not start
             where the task does
    low      bounds of the actions, where the environment has none; in safex an action is in [-1, 1], which is low to high here
    high
    repeats  whether the same seed and actions give the same states, to the bit, as simulators do that draw from their own np_random
    ends     whether an episode is over where the environment terminates it; where the limits of the task say what is dangerous, that may
             be of no account
    """

    def __init__(self, env, state, action, dt=None, reset=None, low=None, high=None, repeats=True, ends=True):
        self.env, self.see, self.action, self.begin, self.repeats, self.ends = env, state, list(action), reset, repeats, ends
        space = env.action_space
        if not hasattr(space, "low") or len(space.shape) != 1:
            raise ValueError("safex needs continuous actions in a row, and those of the environment are %s" % space)
        if len(self.action) != space.shape[0]:
            raise ValueError("the environment has %d actions, and action names %d" % (space.shape[0], len(self.action)))
        self.low, self.high = self._bounds(low, space.low, "low"), self._bounds(high, space.high, "high")
        self.kind = space.dtype
        self.dt = getattr(env.unwrapped, "dt", None) if dt is None else dt
        if self.dt is None:
            raise ValueError("the environment does not say how many seconds a step takes: pass dt=")
        self.dt = float(self.dt)
        self.state = list(self._state(self._reset(0)))

    def _bounds(self, given, own, name):
        bounds = [float(v) for v in (own if given is None else given)]
        if len(bounds) != len(self.action) or not all(math.isfinite(v) for v in bounds):
            raise ValueError("%s of the actions is %s: pass %s=, a finite number for each of %s" % (name, bounds, name, self.action))
        return bounds

    def _state(self, observation):
        state = self.see(self.env, observation)
        if not isinstance(state, dict):
            raise TypeError("state returns %r, want a dict of names and numbers" % (state,))
        return state

    def _reset(self, seed):
        if self.begin is not None:
            return self.begin(self.env, seed)
        return self.env.reset(seed=seed)[0]

    def reset(self, seed):
        return list(self._state(self._reset(seed)).values())

    def step(self, u):
        import numpy

        scaled = [lo + (v + 1) / 2 * (hi - lo) for v, lo, hi in zip(u, self.low, self.high)]
        observation, _, terminated, truncated, _ = self.env.step(numpy.array(scaled, dtype=self.kind))
        state = list(self._state(observation).values())
        terminated = bool(terminated) and self.ends
        if terminated or truncated:
            raise End(state, terminated, bool(truncated), "the environment terminated" if terminated else "the environment's time is up")
        return state

    def close(self):
        self.env.close()


def serve(system, requests=None, answers=None):
    """Answers requests until it is asked to end, or until nobody asks any more.

    system has the names state and action, the seconds dt of a step, reset(seed) and step(u), which return a state, and may have
    repeats and close(). What it prints goes to standard error, as standard output is for answers alone.
    """
    if answers is None:
        answers = _OUT
    requests = sys.stdin if requests is None else requests

    def say(**what):
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    def numbers(state):
        return [float(v) for v in state]

    say(safex=1, state=list(system.state), action=list(system.action), dt=float(system.dt), repeats=bool(getattr(system, "repeats", False)))
    for line in requests:
        try:
            ask = json.loads(line)
            if ask.get("close"):
                break
            if "reset" in ask:
                say(state=numbers(system.reset(int(ask["reset"].get("seed", 0)))))
            elif "step" in ask:
                say(state=numbers(system.step(ask["step"])))
            else:
                say(error="a request is %s, want a reset, a step, or to close" % line.strip())
        except End as end:
            say(state=numbers(end.state), terminated=bool(end.terminated), truncated=bool(end.truncated), why=end.why)
        except (BrokenPipeError, KeyboardInterrupt):
            break
        except Exception as fault:  # it is the user's own, and belongs to them in a sentence
            import traceback

            traceback.print_exc()
            say(error="%s: %s" % (type(fault).__name__, fault))
    close = getattr(system, "close", None)
    if close is not None:
        close()
