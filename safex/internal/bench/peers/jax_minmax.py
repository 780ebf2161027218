"""The published planner's inner loop, stated again in JAX: two cross-entropy searches that play against each other.

One searches model errors that break the best actions so far, the other actions that cost least under the worst errors so far,
by turns; all of it is compiled into one program. Rewards do not depend on the errors, and what breaks a limit does not depend
on the particles: each is rolled out for itself, which leaves the fifth of what was published to be computed.
The model has the weights that it was drawn with: how long a plan takes does not depend on them.
"""

import os
import time

os.environ["JAX_PLATFORMS"] = "cpu"
numpy, jax, jaxlib = need("numpy", "jax", "jaxlib")
import jax.numpy as jnp

states, noise = 3, 1e-4
plans = {}


def network(hidden, members, key):
    """All members at a state and an action: the mean of the change, and the epistemic deviation."""
    sizes = [states + 1, hidden, hidden, states]
    layers = [
        (jax.random.normal(k, (members, n, m)) / n**0.5, jnp.zeros((members, 1, m)))
        for k, n, m in zip(jax.random.split(key, 3), sizes, sizes[1:])
    ]

    def member(layers, x):
        for w, b in layers[:-1]:
            x = jax.nn.swish(x @ w + b)
        w, b = layers[-1]
        return x @ w + b

    def predict(x, u):
        means = jax.vmap(member, (0, None))(layers, jnp.concatenate([x, u], -1))
        return 0.1 * means.mean(0), 0.1 * means.std(0)

    return predict


def prepare(hidden, members, horizon, samples, elites, iterations, alternations, fixed, particles, beta, limit):
    """A compiled plan from a state."""
    predict = network(hidden, members, jax.random.PRNGKey(0))

    def roll(x, u, change, measure):
        """The sum of a measure over the steps of each lane; u is (horizon, lanes, 1)."""

        def step(x, given):
            u, error = given
            mean, epistemic = predict(x, u)
            x = x + mean + change(epistemic, error)
            return x, measure(x, u)

        return lambda errors: jax.lax.scan(step, jnp.broadcast_to(x, (u.shape[1], states)), (u, errors))[1].sum(0)

    def reward(x, u):
        return -jnp.arctan2(x[:, 1], x[:, 0]) ** 2 - 0.1 * x[:, 2] ** 2 - 0.001 * u[:, 0] ** 2

    def beyond(x, u):
        return (jnp.abs(x[:, 2]) > limit).astype(jnp.float32)

    def pairs(us, others):
        """Each series with each other one, as lanes: (horizon, n * m, dims)."""
        n, m = us.shape[0], others.shape[0]
        u = jnp.repeat(us, m, axis=0).reshape(n * m, horizon, -1)
        e = jnp.tile(others, (n, 1, 1)).reshape(n * m, horizon, -1)
        return u.transpose(1, 0, 2), e.transpose(1, 0, 2)

    def violations(x, us, errors):
        u, e = pairs(us, errors)
        counts = roll(x, u, lambda epistemic, error: beta * epistemic * error, beyond)(e)
        return counts.reshape(us.shape[0], -1)

    def rewards(x, us, draws):
        u, e = pairs(us, draws)
        sums = roll(x, u, lambda epistemic, z: jnp.hypot(epistemic, noise) * z, reward)(e)
        return sums.reshape(us.shape[0], -1).mean(1) / horizon

    def search(cost, mean, key):
        """Cross-entropy from a wide start: the mean of the elites of the population with the least cost, and the best of them."""

        def population(now, key):
            mean, std, least, best = now
            z = jnp.clip(mean + std * jax.random.normal(key, (samples, *mean.shape)), -1, 1)
            costs = cost(z)
            order = jnp.argsort(costs)[:elites]
            chosen = z[order]
            better = costs[order[0]] <= least
            return (
                chosen.mean(0), jnp.maximum(chosen.std(0), 1e-6),
                jnp.where(better, costs[order[0]], least), jnp.where(better, chosen, best),
            ), None

        start = mean, jnp.full_like(mean, 5), jnp.inf, jnp.zeros((elites, *mean.shape))
        (_, _, _, best), _ = jax.lax.scan(population, start, jax.random.split(key, iterations))
        return best.mean(0), best[:fixed]

    def plan(x, key):
        draws = jax.random.normal(jax.random.fold_in(key, 1), (particles, horizon, states))

        def alternate(now, key):
            (u, us), (e, errors) = now
            first, second = jax.random.split(key)
            e, errors = search(lambda z: -violations(x, us, z).mean(0), e, first)
            u, us = search(lambda z: violations(x, z, errors).mean(1) - rewards(x, z, draws), u, second)
            return ((u, us), (e, errors)), None

        begin = tuple((jnp.zeros((horizon, n)), jnp.zeros((fixed, horizon, n))) for n in (1, states))
        ((_, us), _), _ = jax.lax.scan(alternate, begin, jax.random.split(key, alternations))
        return us[0]

    return jax.jit(plan)


def turn(**setting):
    """The seconds of a plan from hanging; the first of a setting compiles too."""
    key = tuple(sorted(setting.items()))
    x = jnp.array([-1.0, 0.0, 0.0])
    if key not in plans:
        plans[key] = prepare(**setting)
    began = time.perf_counter()
    plans[key](x, jax.random.PRNGKey(2)).block_until_ready()
    return {"seconds": time.perf_counter() - began}


serve({"jax": jax.__version__, "jaxlib": jaxlib.__version__, "numpy": numpy.__version__}, turn)
