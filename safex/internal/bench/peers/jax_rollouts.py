"""Rollouts of an ensemble in JAX, as a user would write them: a scan over the steps, compiled once.

The dimensions are those of the pendulum: three states, one action, networks with a mean and a deviation for each state.
With the argument "split" the candidates are split over one device for each core, otherwise XLA splits each product.
"""

import os
import sys
import time

if "split" in sys.argv[1:]:
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={os.cpu_count()}"
os.environ["JAX_PLATFORMS"] = "cpu"
numpy, jax, jaxlib = need("numpy", "jax", "jaxlib")
import jax.numpy as jnp

activations = {"swish": jax.nn.swish, "relu": jax.nn.relu, "tanh": jnp.tanh}
states, actions = 3, 1
compiled = {}


def network(hidden, activation, members, key):
    """All members at a state and an action: the mean, and the two deviations."""
    keys = jax.random.split(key, 3)
    sizes = [states + actions, hidden, hidden, 2 * states]
    layers = [
        (jax.random.normal(k, (members, n, m)) / n**0.5, jnp.zeros((members, 1, m)))
        for k, n, m in zip(keys, sizes, sizes[1:])
    ]
    f = activations[activation]

    def member(layers, x):
        for w, b in layers[:-1]:
            x = f(x @ w + b)
        w, b = layers[-1]
        return x @ w + b

    def predict(x):
        y = jax.vmap(member, (0, None))(layers, x)
        means, aleatoric = y[..., :states], jax.nn.softplus(y[..., states:])
        return means.mean(0), means.std(0) + 1e-6, aleatoric.mean(0)

    return predict


def rollout(predict):
    """The reward of candidates less what they exceed the limit by, under errors of the model."""

    def step(x, given):
        u, error = given
        mean, epistemic, aleatoric = predict(jnp.concatenate([x, u], -1))
        x = x + 0.05 * (mean + epistemic * error)
        reward = -(x**2).sum(-1) - 0.01 * (u**2).sum(-1) + 0 * aleatoric.sum(-1)
        return x, reward - jnp.maximum(jnp.abs(x[:, 2]) - 6, 0)

    def roll(x, u, errors):
        return jax.lax.scan(step, x, (u, errors))[1].sum(0)

    return roll


def prepare(hidden, activation, members, batch, horizon, gradient):
    """A compiled rollout, or its gradient in actions and errors, and what it is called with."""
    keys = jax.random.split(jax.random.PRNGKey(0), 3)
    roll = rollout(network(hidden, activation, members, keys[0]))
    f = roll
    if gradient:
        f = lambda x, u, e: jax.value_and_grad(lambda u, e: roll(x, u, e).sum(), argnums=(0, 1))(u, e)
    x = jnp.ones((batch, states))
    u = jax.random.uniform(keys[1], (horizon, batch, actions), minval=-1, maxval=1)
    errors = jax.random.uniform(keys[2], (horizon, batch, states), minval=-1, maxval=1)
    n = jax.device_count()
    if n == 1:
        return jax.jit(f), (x, u, errors)
    each = batch // n * n  # all devices have as many
    given = x[:each].reshape(n, -1, states), *(jnp.stack(jnp.split(v[:, :each], n, 1)) for v in (u, errors))
    return jax.pmap(f), given


def turn(calls, **setting):
    """The best of some calls, in seconds, and how many candidates each had."""
    key = tuple(sorted(setting.items()))
    if key not in compiled:
        compiled[key] = prepare(**setting)
        f, given = compiled[key]
        jax.block_until_ready(f(*given))
    f, given = compiled[key]
    best = float("inf")
    for _ in range(calls):
        began = time.perf_counter()
        jax.block_until_ready(f(*given))
        best = min(best, time.perf_counter() - began)
    return {"seconds": best, "candidates": given[0].size // states}


serve({"jax": jax.__version__, "jaxlib": jaxlib.__version__, "numpy": numpy.__version__}, turn)
