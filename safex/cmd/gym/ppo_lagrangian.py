"""PPO-Lagrangian of OmniSafe on Gymnasium's Pendulum-v1, with the start and the limit of the task pendulum: what a method without a model takes.

    python3 -m venv ppo && ppo/bin/pip install torch==2.12.1 numpy==1.26.4 pandas==2.0.3 gymnasium==0.28.1 \\
        tensorboard wandb moviepy==1.0.3 typer rich seaborn matplotlib gdown pyyaml xmltodict
    ppo/bin/pip install --no-deps omnisafe==0.5.0
    ppo/bin/python safex/cmd/gym/ppo_lagrangian.py --seeds 1-3 --out ppo.json

A seed goes on until the mean return of an epoch, which is 20 episodes of 200 steps, is at least -400, or for 200 000 steps. What is written, after each
epoch, is a file of others' results for safex figures: the mean return of each epoch, and the steps of the run that turned faster than 6 rad/s. Steps count
as they are taken, with the noise of the policy that learns. A run that is stopped leaves what it had.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import types

# OmniSafe imports the environments of safety-gymnasium, which do not import on Python 3.11, and none of which is used here.
sys.modules["safety_gymnasium"] = types.ModuleType("safety_gymnasium")

import gymnasium
import numpy
import omnisafe
import torch
from omnisafe.envs.core import CMDP, env_register

BAND = 0.1  # rad and rad/s: half the width of the start around hanging still
LIMIT = 6.0  # rad/s
STEPS = 200  # of an episode
EPOCH = 4000  # steps between two updates; OmniSafe's 20 000 would leave ten of them
ENOUGH = -400.0  # mean return of an epoch


class Reached(Exception):
    """The return is there, and the run is over."""


@env_register
class Pendulum(CMDP):
    """Pendulum-v1 with a cost of 1 for a step that ends faster than LIMIT."""

    _support_envs = ["SafePendulum-v1"]
    need_time_limit_wrapper = False
    need_auto_reset_wrapper = False
    _num_envs = 1
    episodes = []  # (return, violating steps) of each, of the run under way

    def __init__(self, env_id, device="cpu", **_):
        super().__init__(env_id)
        self.env = gymnasium.make("Pendulum-v1").unwrapped
        self._observation_space = self.env.observation_space
        self._action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
        self._metadata = {}
        self.set_seed(0)

    @property
    def max_episode_steps(self):
        return STEPS

    def set_seed(self, seed):
        self.draw = numpy.random.default_rng(seed)

    def reset(self, seed=None, options=None):
        if seed is not None:
            self.set_seed(seed)
        self.env.reset()
        off = self.draw.uniform(-BAND, BAND, 2)
        self.env.state = numpy.array([math.pi + off[0], off[1]])
        self.taken, self.gained, self.broken = 0, 0.0, 0
        return torch.as_tensor(self.env._get_obs(), dtype=torch.float32), {}

    def step(self, action):
        torque = self.env.max_torque * float(numpy.clip(action.detach().numpy().ravel()[0], -1, 1))
        seen, reward, _, _, _ = self.env.step([torque])
        cost = float(abs(self.env.state[1]) > LIMIT)
        self.taken, self.gained, self.broken = self.taken + 1, self.gained + float(reward), self.broken + int(cost)
        over, info = self.taken == STEPS, {}
        observation = torch.as_tensor(seen, dtype=torch.float32)
        if over:
            Pendulum.episodes.append((self.gained, self.broken))
            info["final_observation"] = observation
            observation, _ = self.reset()
        whole = [torch.as_tensor(v, dtype=torch.float32) for v in (reward, cost)]
        return observation, *whole, torch.as_tensor(False), torch.as_tensor(over), info

    def render(self):
        return None

    def close(self):
        self.env.close()


def epochs():
    """Mean returns of the epochs that are complete."""
    each = EPOCH // STEPS
    returns = [r for r, _ in Pendulum.episodes]
    return [sum(returns[i : i + each]) / each for i in range(0, len(returns) - each + 1, each)]


def entry(seed):
    """What is known of the run under way, as an entry of the file."""
    returns = epochs()
    taken = Pendulum.episodes[: len(returns) * (EPOCH // STEPS)]
    return {
        "task": "pendulum", "name": f"PPO-Lagrangian, seed {seed}",
        "source": f"OmniSafe {omnisafe.__version__} with its settings but a cost limit of 0 and {EPOCH} steps in an epoch, torch {torch.__version__}, Gymnasium {gymnasium.__version__}",
        "learned": [EPOCH * (i + 1) for i in range(len(returns))],
        "violating": [sum(b for _, b in taken)], "steps": STEPS * len(taken),
        "returns": [[round(r, 1) for r in returns]],
    }


def write(path, peers):
    with open(path + ".part", "w") as f:
        f.write('{"peers": [\n' + ",\n".join(json.dumps(peer) for peer in peers) + "\n]}\n")
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + ".part", path)


def run(seed, total, done, path):
    """One run, written beside those that are done."""
    Pendulum.episodes = []
    with tempfile.TemporaryDirectory() as logs:
        agent = omnisafe.Agent("PPOLag", "SafePendulum-v1", custom_cfgs={
            "seed": seed,
            "train_cfgs": {"total_steps": total, "torch_threads": 1, "device": "cpu"},
            "algo_cfgs": {"steps_per_epoch": EPOCH},
            "lagrange_cfgs": {"cost_limit": 0.0},
            "logger_cfgs": {"log_dir": logs, "use_tensorboard": False, "save_model_freq": 1000000},
        })
        update = agent.agent._update

        def updated():
            write(path, done + [entry(seed)])
            if epochs()[-1] >= ENOUGH:
                raise Reached
            update()

        agent.agent._update = updated
        try:
            agent.learn()
        except Reached:
            pass
    return entry(seed)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seeds", default="1", help="as in 3 or 1-3")
    p.add_argument("--steps", type=int, default=200_000, help=f"at most, a multiple of {EPOCH}")
    p.add_argument("--out", required=True)
    a = p.parse_args()
    first, _, last = a.seeds.partition("-")
    if not first.isdigit() or last and not last.isdigit() or a.steps < EPOCH or a.steps % EPOCH:
        p.error(f"--seeds {a.seeds} --steps {a.steps}: want seeds as in 3 or 1-3, and a multiple of {EPOCH} steps")
    peers = []
    for seed in range(int(first), int(last or first) + 1):
        peers.append(run(seed, a.steps, peers, a.out))
    write(a.out, peers)


if __name__ == "__main__":
    main()
