"""PETS of mbrl-lib on its continuous cart-pole, with the settings of its example, which are here word for word.

The loop is that of mbrl.algorithms.pets, taken apart so that each trial is a request, and without files.
"""

import time

numpy, torch, hydra, omegaconf, mbrl = need("numpy", "torch", "hydra", "omegaconf", "mbrl")
need("mbrl.models", "mbrl.planning", "mbrl.util.common", "mbrl.env.cartpole_continuous")
import mbrl.env.reward_fns
import mbrl.env.termination_fns

settings = {
    "device": "cpu",
    "debug_mode": False,
    "algorithm": {
        "agent": {
            "_target_": "mbrl.planning.TrajectoryOptimizerAgent",
            "action_lb": "???", "action_ub": "???", "planning_horizon": 15, "replan_freq": 1, "verbose": False,
            "optimizer_cfg": {
                "_target_": "mbrl.planning.CEMOptimizer",
                "num_iterations": 5, "elite_ratio": 0.1, "population_size": 350, "alpha": 0.1,
                "lower_bound": "???", "upper_bound": "???", "return_mean_elites": True, "clipped_normal": False, "device": "cpu",
            },
        },
        "normalize": True, "normalize_double_precision": True, "target_is_delta": True, "learned_rewards": False,
        "dataset_size": 5000,
    },
    "dynamics_model": {
        "_target_": "mbrl.models.GaussianMLP", "device": "cpu",
        "num_layers": 4, "in_size": "???", "out_size": "???", "ensemble_size": 7, "hid_size": 200,
        "deterministic": False, "propagation_method": "random_model", "learn_logvar_bounds": False,
        "activation_fn_cfg": {"_target_": "torch.nn.SiLU"},
    },
    "overrides": {
        "trial_length": 200, "num_steps": 5000, "num_elites": 5, "model_lr": 7.5e-4, "model_wd": 3e-5, "model_batch_size": 256,
        "validation_ratio": 0, "patience": 25, "num_epochs_train_model": 25,
    },
}
train_every, particles, trial_length = 50, 20, 200
if tuple(int(v) for v in hydra.__version__.split(".")[:2]) >= (1, 1):
    for part in (settings["algorithm"]["agent"], settings["dynamics_model"]):
        part["_recursive_"] = False  # as Hydra was when mbrl-lib was written


class Run:
    """A run from its first random step on."""

    def __init__(self, seed):
        torch.manual_seed(seed)
        cfg = omegaconf.OmegaConf.create(settings)
        rng, generator = numpy.random.default_rng(seed), torch.Generator()
        generator.manual_seed(seed)
        self.env = mbrl.env.cartpole_continuous.CartPoleEnv()
        self.env.reset(seed=seed)
        self.env.action_space.seed(seed)
        self.cfg, self.steps, self.seconds = cfg, 0, 0.0
        shapes = self.env.observation_space.shape, self.env.action_space.shape
        self.model = mbrl.util.common.create_one_dim_tr_model(cfg, *shapes)
        self.buffer = mbrl.util.common.create_replay_buffer(
            cfg, *shapes, rng=rng, obs_type=numpy.double, action_type=numpy.double, reward_type=numpy.double
        )
        model_env = mbrl.models.ModelEnv(
            self.env, self.model, mbrl.env.termination_fns.cartpole, mbrl.env.reward_fns.cartpole, generator=generator
        )
        self.trainer = mbrl.models.ModelTrainer(self.model, optim_lr=cfg.overrides.model_lr, weight_decay=cfg.overrides.model_wd)
        self.agent = mbrl.planning.create_trajectory_optim_agent_for_model(model_env, cfg.algorithm.agent, num_particles=particles)

    def fit(self):
        mbrl.util.common.train_model_and_save_model_and_data(self.model, self.trainer, self.cfg.overrides, self.buffer)

    def explore(self):
        """Random steps, as many as a trial may have, over several trials."""
        began = time.perf_counter()
        mbrl.util.common.rollout_agent_trajectories(
            self.env, trial_length, mbrl.planning.RandomAgent(self.env), {}, replay_buffer=self.buffer
        )
        self.fit()
        self.seconds += time.perf_counter() - began
        return {"steps": self.buffer.num_stored, "seconds": time.perf_counter() - began}

    def plan(self):
        obs, _ = self.env.reset()
        self.agent.reset()
        began = time.perf_counter()
        self.agent.act(obs)
        return {"seconds": time.perf_counter() - began}

    def trial(self, within):
        """A trial until the pole falls, the trial is over or the time is up."""
        began = time.perf_counter()
        obs, _ = self.env.reset()
        self.agent.reset()
        steps, total, over, late = 0, 0.0, False, False
        while not over and steps < trial_length and not late:
            if self.steps > 0 and self.steps % train_every == 0:  # explore has fitted at 0
                self.fit()
            obs, reward, over, _, _ = mbrl.util.common.step_env_and_add_to_buffer(self.env, obs, self.agent, {}, self.buffer)
            steps, total, self.steps = steps + 1, total + reward, self.steps + 1
            late = time.perf_counter() - began > within
        late = late and not over and steps < trial_length
        return {"steps": steps, "return": total, "seconds": time.perf_counter() - began, "late": late}


run = None


def handle(do, **given):
    global run
    if do == "begin":
        run = Run(**given)
        return run.explore()
    return {"plan": run.plan, "trial": run.trial}[do](**given)


serve({"mbrl": mbrl.__version__, "torch": torch.__version__, "numpy": numpy.__version__}, handle)
