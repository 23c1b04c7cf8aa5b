"""What the captions of the boundaries' page claim."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
from scipy.optimize import linprog
from scipy.special import ndtr
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from genmodels.classifiers.learning_curves import MODELS
from tests.claims.shown import Oracle, Shown


def design(shown: Shown) -> tuple[np.ndarray, np.ndarray, int]:
    """Features of the standardised points, by scikit-learn, their classes, and how many there are."""
    data = shown.config.data(at_least=1)
    x = StandardScaler().fit_transform(data.x)
    return PolynomialFeatures(int(shown.config.descend), include_bias=False).fit_transform(x), data.y, data.n_classes


def nearly_free(phi: np.ndarray, y: np.ndarray) -> LogisticRegression:
    return LogisticRegression(C=1e9, tol=1e-9, max_iter=20_000).fit(phi, y)


def are_separable(phi: np.ndarray, y: np.ndarray) -> bool:
    return bool(nearly_free(phi, y).score(phi, y) == 1)


def has_minimum(shown: Shown) -> bool:
    """By duality (Stiemke): positive multipliers balance the directions of all margins; the largest smallest one."""
    phi, y, k = design(shown)
    phi = np.insert(phi, 0, 1.0, axis=1)
    rows = []
    for features, c in zip(phi, y, strict=True):
        for other in range(k):
            if other != c:
                row = np.zeros((k, phi.shape[1]))
                row[c] += features
                row[other] -= features
                rows.append(row.ravel())
    directions = np.array(rows)
    n, p = directions.shape
    least = np.append(np.zeros(n), -1.0)
    balance = np.vstack([np.hstack([directions.T, np.zeros((p, 1))]), np.append(np.ones(n), 0.0)])
    above = np.hstack([-np.eye(n), np.ones((n, 1))])
    found = linprog(least, above, np.zeros(n), balance, np.append(np.zeros(p), n), bounds=(0, None), method="highs")
    return bool(found.status == 0 and -found.fun > 1e-7)


def minimum(shown: Shown) -> float:
    phi, y, _ = design(shown)
    log_p = nearly_free(phi, y).predict_log_proba(phi)
    return -float(log_p[np.arange(len(y)), y].mean())


def above_minimum(shown: Shown) -> float:
    return shown.readout("loss −log p(y | x)") - minimum(shown)


def is_told_apart(shown: Shown, match: re.Match[str]) -> bool:
    """Whether the classes named are each separable from each other one, and all together are not; no minimum."""
    phi, y, k = design(shown)
    named = [int(c) - 1 for c in re.findall(r"class (\d)", match[0])]
    pairs = [(c, j) for c in named for j in range(k) if j != c]
    apart = [are_separable(phi[(y == c) | (y == j)], y[(y == c) | (y == j)]) for c, j in pairs]
    return bool(named) and all(apart) and not are_separable(phi, y) and not has_minimum(shown)


def rises(shown: Shown) -> bool:
    return bool((np.diff(shown.readouts("loss −log p(y | x)")) > 0).any())


def at_rest(shown: Shown, match: re.Match[str]) -> bool:
    return has_minimum(shown) and abs(above_minimum(shown)) < 2e-3 and shown.readout("‖gradient‖") < 2e-3


def still_above(shown: Shown, match: re.Match[str]) -> bool:
    final = Shown(shown.config, shown.scene, len(shown.scene.steps) - 1)
    return has_minimum(shown) and abs(above_minimum(final) - float(match[2])) < 2e-3 and final.scene.steps[-1] == 2000


def is_missing(shown: Shown, match: re.Match[str]) -> bool:
    """Accuracy and cost of a guess, by scikit-learn; those of the integral, by adding up along the line."""
    config = shown.config
    data, test, gone = config.data(), config.fresh(4_000), config.missing - 1
    filled = test.x.copy()
    filled[:, gone] = data.x[:, gone].mean()
    scaler, powers = StandardScaler().fit(data.x), PolynomialFeatures(config.degree, include_bias=False)
    fitted = LogisticRegression(C=config.penalty, tol=1e-6, max_iter=1000)
    fitted.fit(powers.fit_transform(scaler.transform(data.x)), data.y)
    guess = fitted.predict_log_proba(powers.transform(scaler.transform(filled)))
    told = [float(part) for part in match.groups()]
    rows = np.arange(len(test.y))
    accuracy, cost = 100 * np.mean(guess.argmax(axis=1) == test.y), -float(guess[rows, test.y].mean())
    dearer = not match[0].endswith("the price of being sure of a guess") or told[2] > told[3]
    integral = integrated(shown, test.x)
    numbers = accuracy, 100 * np.mean(integral.argmax(axis=1) == test.y), cost, -integral[rows, test.y].mean()
    return dearer and bool((np.abs(np.array(numbers) - told) < [0.11, 0.3, 0.011, 0.02]).all())


def integrated(shown: Shown, x: np.ndarray) -> np.ndarray:
    """log p(y | the feature that is left) of the right model, by the trapezium rule over the one that is missing."""
    from dashboard.scenes.boundaries.setup import fit_generative

    model, gone = fit_generative(shown.config, shown.config.data()), shown.config.missing - 1
    kept = 1 - gone
    places = np.linspace(x[:, kept].min(), x[:, kept].max(), 400)
    along = np.linspace(-25, 25, 1_001)
    grid = np.empty((len(places), len(along), 2))
    grid[..., kept], grid[..., gone] = places[:, None], along
    joint = np.exp(model.log_joint(grid.reshape(-1, 2))).reshape(len(places), len(along), -1).sum(axis=1)
    log_p = np.log(joint / joint.sum(axis=1, keepdims=True))
    return np.stack([np.interp(x[:, kept], places, column) for column in log_p.T], axis=1)


def moments(shown: Shown) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of class 2 (that of class 1 is the opposite) and both covariances of the world at this degree."""
    degree = shown.frame / 10
    if shown.config.wrong == "independence":
        one = 1.4 * np.array([[1.0, 0.95 * degree], [0.95 * degree, 1.0]])
        half = np.array([1.0, -0.3])
        return half * 1.036 / np.sqrt(half @ np.linalg.inv(one) @ half), one, one
    return np.array([0.9, 0.0]), 1.2 / 3.2**degree * np.eye(2), 1.2 * 3.2**degree * np.eye(2)


def limit(shown: Shown) -> float:
    """Error, in per cent, of the line that the left model tends to: both its classes are Gaussians along w."""
    half, one, two = moments(shown)
    w = half / np.diag(one) if shown.config.wrong == "independence" else np.linalg.solve((one + two) / 2, half)
    return 50 * float(sum(ndtr(-(w @ half) / np.sqrt(w @ c @ w)) for c in (one, two)))


def is_judged(shown: Shown, match: re.Match[str]) -> bool:
    judged, few, few_sign, many, many_sign = match.groups()[:5]
    gaps = [
        shown.readout("left: test error, n = 12") - shown.readout("right"),
        shown.readout("left: n = 400") - shown.readout("right "),
    ]
    for gap, told, sign in zip(gaps, (few, many), (few_sign, many_sign), strict=True):
        if abs(abs(gap) - float(told)) > 0.051 or (gap > 0) != (sign == "more"):
            return False
    _, one, two = moments(shown)
    holds = one[0, 1] == 0 if shown.config.wrong == "independence" else np.allclose(one, two)
    return holds == judged.startswith("The assumption is true") and ("yet" not in judged or gaps[0] < 0 < gaps[1])


def is_biased(shown: Shown, match: re.Match[str]) -> bool:
    return abs(float(match[1]) - limit(shown)) < 2 and float(match[1]) > float(match[2])


def leads(shown: Shown, match: re.Match[str]) -> bool:
    """Each change of the certain lead that is named is in the curves, and none is left out."""
    for part, state in zip(shown.scene.captions[0].split(" · "), shown.config.states(), strict=True):
        paired = state.errors[0] - state.errors[1]
        certain = paired.mean(axis=0) / (paired.std(axis=0, ddof=1) / np.sqrt(len(paired)))
        held = [(int(n), MODELS[int(z > 0)]) for n, z in zip(state.sizes, certain, strict=True) if abs(z) > 2]
        changes = [held[0]] + [b for a, b in pairwise(held) if a[1] != b[1]]
        told = re.findall(r"(naive Bayes|logistic regression) from n = ([\d,]+)", part)
        if [(int(n.replace(",", "")), who) for who, n in told] != changes:
            return False
        if ("no certain crossing" in part) != (len(changes) == 1):
            return False
    return True


SEPARATED = r"can be separated without an error: the loss has no minimum"
ORACLES = [
    Oracle(SEPARATED, lambda s, _: are_separable(*design(s)[:2]) and not has_minimum(s)),
    Oracle(r"^The loss rises now and then", lambda shown, _: rises(shown)),
    Oracle(r"overlap, but (class \d(?: and class \d)*) can be told from the rest", is_told_apart),
    Oracle(r"overlap, but not all of them", lambda s, _: not are_separable(*design(s)[:2]) and not has_minimum(s)),
    Oracle(r"has a minimum, and descent has come to rest there", at_rest),
    Oracle(r"has a minimum; after these (2,000) steps the loss is still (\d\.\d+) nats above it", still_above),
    Oracle(r"has a minimum \(dashed\); descent is on its way", lambda shown, _: has_minimum(shown)),
    Oracle(r"above the threshold on p\(x\)", lambda s, _: s.readout("log p(x)") >= s.readout("threshold")),
    Oracle(r"below the threshold on p\(x\)", lambda s, _: s.readout("log p(x)") < s.readout("threshold")),
    Oracle(
        r"^Without x[₁₂], on fresh points: accuracy ([\d.]+) % \(guess\), ([\d.]+) % \(integral\); "
        r"mean −log p\(y \| x\): ([\d.]+) and ([\d.]+) nats(?:: the price of being sure of a guess)?",
        is_missing,
    ),
    Oracle(
        r"^(The assumption is true:|False, and yet|False:) at n = 12 left errs ([\d.]+) percentage points "
        r"(more|less) than right, at n = 400 ([\d.]+) (more|less)",
        is_judged,
    ),
    Oracle(r"for n → ∞ ([\d.]+) %, not ([\d.]+) %: its bias", is_biased),
    Oracle(r"^independent: .*· correlated: .*· digits: ", leads),
]
