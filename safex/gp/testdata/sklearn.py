"""Makes sklearn.json, the numbers that the tests compare with: python -P sklearn.py > sklearn.json
(-P, since this file is called as the package is)

For each kernel it conditions scikit-learn's GaussianProcessRegressor on 30 points of a function of three inputs, at
fixed hyper-parameters in the order signal, noise, length scales. The derivatives are by the logarithms of these:
scikit-learn's own are by those of the variances, which are half as large. "reached" is the likelihood that
its optimiser reaches from the same point within the given bounds, three e-folds of each hyper-parameter both ways.
"""

import json
import platform

import numpy as np
import scipy
import sklearn
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

draw = np.random.default_rng(1)
x = draw.normal(size=(30, 3))
y = 0.5 * np.sin(2 * x[:, 0]) + 0.3 * x[:, 1] ** 2 + 0.05 * draw.normal(size=30)
at = draw.normal(size=(10, 3)) * 1.5
signal, noise, length = 0.7, 0.1, np.array([0.8, 1.3, 2.5])


def bounds(v):
    return v * np.exp(-3.0), v * np.exp(3.0)


def posterior(correlation, optimizer):
    kernel = ConstantKernel(signal**2, tuple(b**2 for b in bounds(signal))) * correlation
    kernel += WhiteKernel(noise**2, tuple(b**2 for b in bounds(noise)))
    return GaussianProcessRegressor(kernel, alpha=0, optimizer=optimizer).fit(x, y)


def latent(gp):
    """mean and deviation of f, without the noise that predict adds to the deviation."""
    mean, std = gp.predict(at, return_std=True)
    return mean.tolist(), np.sqrt(std**2 - gp.kernel_.k2.noise_level).tolist()


cases = {}
lengths = np.stack(bounds(length), axis=1)
for name, correlation in {"se": RBF(length, lengths), "matern52": Matern(length, lengths, nu=2.5)}.items():
    gp = posterior(correlation, None)
    value, gradient = gp.log_marginal_likelihood(gp.kernel_.theta, eval_gradient=True)
    names = [p.name for p in gp.kernel_.hyperparameters]
    assert names == ["k1__k1__constant_value", "k1__k2__length_scale", "k2__noise_level"], names
    mean, deviation = latent(gp)
    cases[name] = {
        "mean": mean,
        "deviation": deviation,
        "likelihood": value,
        "gradient": [2 * gradient[0], 2 * gradient[4], *gradient[1:4].tolist()],
        "reached": posterior(correlation, "fmin_l_bfgs_b").log_marginal_likelihood_value_,
    }

versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
document = {"versions": versions, "x": x.T.tolist(), "y": y.tolist(), "at": at.T.tolist(), "signal": signal, "noise": noise, "length": length.tolist(), "cases": cases}
print(json.dumps(document, indent=1))
