r"""Recordings of what takes minutes on the page of inference, all by the networks of `vae-2d` and `vae-16d`.

`elbo-one-network` (:mod:`genmodels.inference.amortised`), of the first 200 test images under `vae-2d`, float32:

    log_evidence, full, diagonal, encoder   (200,)        log p(x), and the bound at three q, nats
    mean, sigma                             (200, 2)      of the best diagonal q
    box                                     (200, 2, 2)   where the posterior lies: both ends along each latent

`elbo-how-sure` (:mod:`genmodels.inference.importance`), of the first 20 test images, R seeds, MODEL = 2d or 16d, by
PROPOSAL = prior or encoder, float32:

    counts                            (C,) int32     after how many draws
    MODEL.PROPOSAL.log_p, .ess        (20, R, C)     log p̂, nats, and the effective sample size
    MODEL.k                           (K,) int32     how many weights stand under one logarithm
    MODEL.bound, MODEL.bound_error    (20, K)        L_K and its standard error, nats, from all R · N weights
    2d.exact                          (20,)          log p(x) by quadrature, nats

`elbo-ours` (:mod:`genmodels.inference.kinds`), for each KIND, 100 pictures, nats, float32:

    KIND.2d.exact, .elbo, .bound            (100,)         log p(x), and the bounds L_1 and L_500 by the encoder
    KIND.16d.elbo, .bound                   (100,)

Found again by the stored networks and the seeds: some images of each array in full; of all images log p(x) and the
bounds by quadrature, and what the first draws decide. What the rest is bounded by stands in :data:`RECIPES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from genmodels.data.digits import load_binarised_mnist
from genmodels.inference.amortised import ORDER, compare
from genmodels.inference.bounds import GaussianQ, elbo
from genmodels.inference.decoder import VAEModel
from genmodels.inference.exact import WIDEST, log_evidences, posterior
from genmodels.inference.importance import estimate, importance_bound, log_means, log_weights
from genmodels.inference.kinds import KINDS, pictures, share_below
from genmodels.store.checkpoint import load
from genmodels.store.recipe import Built, Job, Recipe, Recomputed, within

Frame = dict[str, np.ndarray]
MODELS = {"2d": "vae-2d", "16d": "vae-16d"}
PROPOSALS = ("prior", "encoder")


@lru_cache(maxsize=4)
def _model(name: str, dtype: type[np.floating] = np.float32) -> VAEModel:
    return VAEModel.of(load(MODELS[name]), dtype)


def _images(n: int) -> np.ndarray:
    images = load_binarised_mnist().test.images[:n]
    return images.reshape(len(images), -1).astype(np.float32)


def _stack(rows: list[Frame]) -> Frame:
    return {name: np.stack([row[name] for row in rows]).astype(np.float32) for name in rows[0]}


def _each(job: Job, n: int, one: Any) -> Frame:
    """Arrays of n images, stacked, one after the other; those that are done are kept."""
    rows = _rows(job.resume() or {})
    for i in range(len(rows), n):
        rows.append(one(i))
        job.keep(partial(_stack, list(rows)))
        job.progress(i + 1, n, f"image {i + 1} of {n}")
    return _stack(rows)


def _rows(stacked: Frame) -> list[Frame]:
    """The other way; none of nothing."""
    return [dict(zip(stacked, parts, strict=True)) for parts in zip(*stacked.values(), strict=True)]


# --- One network for all ------------------------------------------------------------------------------------


def _one(config: dict[str, Any], i: int) -> Frame:
    model, x = _model("2d"), _images(config["images"])[i]
    bounds = compare(model, x[None], config["n_steps"])
    names = ("log_evidence", "full", "diagonal", "encoder", "mean", "sigma", "box")
    return {name: np.asarray(getattr(bounds, name)[0]) for name in names}


def _build_one(config: dict[str, Any], job: Job) -> Built:
    return Built(_each(job, config["images"], partial(_one, config)), steps=config["images"])


def _judge_one(arrays: Frame, device: str) -> dict[str, float]:
    a = {name: values.astype(np.float64) for name, values in arrays.items()}
    return {
        "amortisation_gap_nats": float((a["diagonal"] - a["encoder"]).mean()),
        "family_gap_nats": float((a["log_evidence"] - a["diagonal"]).mean()),
        "log_p_nats": float(a["log_evidence"].mean()),
    }


def _recompute_one(config: dict[str, Any], arrays: Frame, device: str) -> Iterator[Recomputed]:
    """Eight images in full; of all, log p(x) by one grid, and the bounds at the encoder's q and at the q stored."""
    n = config["images"]
    at = range(0, n, max(1, n // 8))
    allowed = {"mean": 0.005, "sigma": 0.001, "box": 0.02}
    for name, values in _stack([_one(config, i) for i in at]).items():
        yield Recomputed(name, values, allowed.get(name, 0.002), at, "by the network")
    model, x = _model("2d"), _images(n)
    log_p, diagonal = log_evidences(model, x)[0], arrays["diagonal"].astype(np.float64)
    yield Recomputed("log_evidence", log_p, 0.02, by="by one grid")
    qs = [GaussianQ.diagonal(m, s) for m, s in zip(arrays["mean"], arrays["sigma"], strict=True)]
    for name, each in (("encoder", [model.encoder_q(one) for one in x]), ("diagonal", qs)):
        found = [elbo(model, one, q, ORDER // 2).total for one, q in zip(x, each, strict=True)]
        yield Recomputed(name, np.array(found), 0.005, by="at its q")
    yield within("full", arrays["full"], diagonal - 1e-3, log_p + 0.02, "between a diagonal q and log p(x)")
    low, high = (arrays["mean"] + side * 2 * arrays["sigma"] for side in (-1, 1))
    far = np.full_like(low, WIDEST)
    box = np.stack([-far, high], axis=-1), np.stack([low, far], axis=-1)
    yield within("box", arrays["box"], *box, "around 2 σ of the best q")


# --- How sure -----------------------------------------------------------------------------------------------


def _counts(n: int) -> np.ndarray:
    """1, 2, 5, 10, … N."""
    steps = np.array([1, 2, 5])
    found = np.concatenate([steps * 10**power for power in range(len(str(n)))])
    return found[found <= n].astype(np.int32)


def _by_prior(config: dict[str, Any], name: str, x: np.ndarray, most: Sequence[int] | None = None) -> Frame:
    """All images see the same draws; of each seed at most so many, and NaN for what would take more."""
    model, counts, runs = _model(name), _counts(config["n"]), []
    for seed, n in enumerate(most or [config["n"]] * config["seeds"]):
        z = np.random.default_rng([config["seed"], model.n_latent, seed]).standard_normal((n, model.n_latent))
        runs.append([_at(part, counts) for part in estimate(model.table(x, z))])
    log_p, ess = (np.stack([run[i] for run in runs], axis=1) for i in range(2))
    return {f"{name}.prior.log_p": log_p.astype(np.float32), f"{name}.prior.ess": ess.astype(np.float32)}


def _at(running: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """What runs along the last axis ``(…, N)``, after these many draws ``(…, C)``; NaN beyond N."""
    n = running.shape[-1]
    return np.where(counts <= n, running[..., np.minimum(counts, n) - 1], np.nan)


def _running(config: dict[str, Any], name: str, i: int, n: int) -> tuple[Frame, np.ndarray]:
    """One image by the encoder: the estimates of each seed's first n draws, and log w, ``(R, n)``."""
    model, counts, x = _model(name), _counts(config["n"]), _images(config["images"])[i]
    q, log_w = model.encoder_q(x), []
    for seed in range(config["seeds"]):
        rng = np.random.default_rng([config["seed"], model.n_latent, seed, i])
        log_w.append(log_weights(model, x, q, n, rng))
    running = estimate(np.stack(log_w))
    frame = {
        f"{name}.encoder.log_p": _at(running.log_p, counts),
        f"{name}.encoder.ess": _at(running.ess, counts),
    }
    return frame, np.stack(log_w)


def _by_encoder(config: dict[str, Any], name: str, i: int) -> Frame:
    """One image: the running estimates of each seed, and L_K from all its weights."""
    frame, log_w = _running(config, name, i, config["n"])
    bounds = [importance_bound(log_w.ravel(), int(k)) for k in _ks(config)]
    frame[f"{name}.bound"] = np.array([bound.mean for bound in bounds])
    frame[f"{name}.bound_error"] = np.array([bound.error for bound in bounds])
    if name == "2d":
        x = _images(config["images"])[i]
        frame["2d.exact"] = np.array(posterior(_model("2d", np.float64), x).log_evidence)
    return frame


def _ks(config: dict[str, Any]) -> np.ndarray:
    """Those K of which there are groups enough for a standard error."""
    return _counts(config["n"] * config["seeds"] // 50)


def _both(config: dict[str, Any], i: int) -> Frame:
    return _by_encoder(config, "2d", i) | _by_encoder(config, "16d", i)


def _build_how_sure(config: dict[str, Any], job: Job) -> Built:
    n = config["images"]
    arrays = _each(job, n, partial(_both, config))
    for name in MODELS:
        arrays |= _by_prior(config, name, _images(n)) | {f"{name}.k": _ks(config)}
    return Built(arrays | {"counts": _counts(config["n"])}, steps=n)


def _judge_how_sure(arrays: Frame, device: str) -> dict[str, float]:
    """By how much the last estimates lie below quadrature in two dimensions; and what they are in sixteen."""
    last = {
        f"{name}_{proposal}": arrays[f"{name}.{proposal}.log_p"][:, :, -1].astype(np.float64)
        for name in MODELS
        for proposal in PROPOSALS
    }
    exact = arrays["2d.exact"].astype(np.float64)[:, None]
    return {
        "below_2d_prior_nats": float((exact - last["2d_prior"]).mean()),
        "below_2d_encoder_nats": float((exact - last["2d_encoder"]).mean()),
        "log_p_16d_prior_nats": float(last["16d_prior"].mean()),
        "log_p_16d_encoder_nats": float(last["16d_encoder"].mean()),
    }


FIRST = 500
"""Draws of each image's encoder that are made again, of each seed."""


def _recompute_how_sure(config: dict[str, Any], arrays: Frame, device: str) -> Iterator[Recomputed]:
    """The first image by all its draws; of all, log p(x), the first draws, and those of the prior's first seed."""
    n, counts, x = config["images"], _counts(config["n"]), _images(config["images"])
    yield Recomputed("counts", counts)
    exact = log_evidences(_model("2d"), x)[0]
    yield Recomputed("2d.exact", exact, 0.02, by="by one grid")
    for name, values in _stack([_both(config, 0)]).items():
        tolerance = 0.02 * float(values.max()) if name.endswith("ess") else 0.02
        if name.endswith("error"):
            tolerance = 0.01 * float(values.max())
        yield Recomputed(name, values, tolerance, [0], "by all its draws")
    for name in MODELS:
        yield Recomputed(f"{name}.k", _ks(config))
        some = [config["n"], *[min(FIRST * 20, config["n"])] * (config["seeds"] - 1)]
        found = _by_prior(config, name, x, some)
        found |= _stack([_running(config, name, i, min(FIRST, config["n"]))[0] for i in range(n)])
        for key, values in found.items():
            yield _near(key, arrays[key], values)
        ess, bound = (arrays[f"{name}.{key}"] for key in ("encoder.ess", "bound"))
        yield within(f"{name}.encoder.ess", ess, 1, counts, "between 1 and the draws", 0.01)
        error = arrays[f"{name}.bound_error"]
        slack = 4 * np.hypot(error[:, 1:], error[:, :-1])
        yield within(f"{name}.bound", bound, _before(bound, slack), np.inf, "rising with K")
    above = exact[:, None] + 4 * arrays["2d.bound_error"] + 0.02
    yield within("2d.bound", arrays["2d.bound"], -np.inf, above, "below log p(x)")


def _near(name: str, stored: np.ndarray, found: np.ndarray) -> Recomputed:
    """What the draws made again say, where they are enough: NaN is anything."""
    slack = 0.02 * np.abs(found) if name.endswith("ess") else 0.0
    low, high = (np.where(np.isnan(found), side * np.inf, found + side * slack) for side in (-1, 1))
    return within(name, stored, low, high, "by the first draws", 0.02)


def _before(bound: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """What L_K must reach, ``(N, K)``: the L_K before, less its slack; the first nothing."""
    return np.concatenate([np.full((len(bound), 1), -np.inf), bound[:, :-1] - slack], axis=1)


# --- Is it one of ours? -------------------------------------------------------------------------------------


def _scores(config: dict[str, Any], models: dict[str, VAEModel], kind: str, i: int) -> Frame:
    """One picture's."""
    x, frame = pictures(kind, config["pictures"])[i], {}
    for name, model in models.items():
        q = model.encoder_q(x)
        rng = np.random.default_rng([config["seed"], model.n_latent, KINDS.index(kind), i])
        log_w = log_weights(model, x, q, config["k"], rng)
        frame[f"{kind}.{name}.elbo"] = np.array(elbo(model, x, q, 8).total if name == "2d" else log_w.mean())
        frame[f"{kind}.{name}.bound"] = log_means(log_w)
    return frame | {f"{kind}.2d.exact": np.array(posterior(models["2d"], x).log_evidence)}


def _build_ours(config: dict[str, Any], job: Job) -> Built:
    models, n = {name: _model(name) for name in MODELS}, config["pictures"]
    arrays: Frame = {}
    saved = job.resume() or {}
    for number, kind in enumerate(KINDS):
        rows = _rows({name: values for name, values in saved.items() if name.startswith(f"{kind}.")})
        for i in range(len(rows), n):
            rows.append(_scores(config, models, kind, i))
            job.keep(partial(_merged, dict(arrays), list(rows)))
            job.progress(number * n + i + 1, len(KINDS) * n, f"{kind}: picture {i + 1}")
        arrays |= _stack(rows)
    return Built(arrays, steps=len(KINDS) * n)


def _merged(arrays: Frame, rows: list[Frame]) -> Frame:
    return arrays | _stack(rows)


def _judge_ours(arrays: Frame, device: str) -> dict[str, float]:
    """How often a foreign picture has a lower log p(x) than one of ours."""
    found = {f"below_{kind}": share_below(arrays["ours.2d.exact"], arrays[f"{kind}.2d.exact"]) for kind in KINDS[1:]}
    return found | {"ours_log_p_nats": float(arrays["ours.2d.exact"].mean(dtype=np.float64))}


def _recompute_ours(config: dict[str, Any], at: Sequence[int], arrays: Frame, device: str) -> Iterator[Recomputed]:
    """Some pictures in full; of all, log p(x) by one grid, the bound at the encoder's q, and who lies above whom."""
    models, kinds = {name: _model(name) for name in MODELS}, config["kinds"]
    all_x = [pictures(kind, config["pictures"]) for kind in kinds]
    all_exact = np.split(log_evidences(models["2d"], np.concatenate(all_x))[0], len(kinds))
    for kind, x, exact in zip(kinds, all_x, all_exact, strict=True):
        for name, values in _stack([_scores(config, models, kind, i) for i in at]).items():
            yield Recomputed(name, values, 0.1, at, "by the networks")
        yield Recomputed(f"{kind}.2d.exact", exact, COARSE[kind], by="by one grid")
        found = [elbo(models["2d"], one, models["2d"].encoder_q(one), 8).total for one in x]
        yield Recomputed(f"{kind}.2d.elbo", np.array(found), 0.05, by="by the encoder's q")
        for name in MODELS:  # one of 500 draws from q may be luckier than all: by c nats once in exp(c)
            low = arrays[f"{kind}.{name}.elbo"] - (3.0 if name == "2d" else 1e-2)
            high = exact + 7 if name == "2d" else np.inf
            yield within(f"{kind}.{name}.bound", arrays[f"{kind}.{name}.bound"], low, high, "above the ELBO")


COARSE = {"ours": 0.05, "turned": 0.05, "bars": 0.05, "inverted": 1.5, "noise": 1.5, "constant": 1.5}
"""Nats by which the one grid may miss log p(x): where the posterior is narrower than its cells it does."""


# --- Recipes ------------------------------------------------------------------------------------------------


def _recording(
    name: str,
    config: dict[str, Any],
    build: Any,
    judge: Any,
    recompute: Any,
    tolerance: Any,
    recorded: Mapping[str, str],
) -> Recipe:
    return Recipe(
        name=name,
        kind="recording",
        model="inference",
        config=config,
        data="mnist-binarised",
        seed=0,
        build=partial(build, config),
        evaluate=judge,
        tolerance=tolerance,
        recompute=partial(recompute, config),
        recorded=recorded,
    )


ONE_NETWORK = {"network": "vae-2d", "images": 200, "n_steps": 25}
HOW_SURE = {"networks": list(MODELS.values()), "images": 20, "n": 100_000, "seeds": 3, "seed": 0}
OURS = {"networks": list(MODELS.values()), "kinds": list(KINDS), "pictures": 100, "k": 500, "seed": 0}

RECIPES = (
    _recording(
        "elbo-one-network",
        ONE_NETWORK,
        _build_one,
        _judge_one,
        _recompute_one,
        {"amortisation_gap_nats": 1e-3, "family_gap_nats": 1e-3, "log_p_nats": 1e-3},
        {
            "full": "eight images are climbed again; the others lie between the diagonal q and log p(x)",
            "box": "eight images are looked at again; the others' holds 2 σ of the best q",
            **dict.fromkeys(("mean", "sigma"), "eight images are climbed again; the others give the bound stored"),
        },
    ),
    _recording(
        "elbo-how-sure",
        HOW_SURE,
        _build_how_sure,
        _judge_how_sure,
        _recompute_how_sure,
        dict.fromkeys(
            ("below_2d_prior_nats", "below_2d_encoder_nats", "log_p_16d_prior_nats", "log_p_16d_encoder_nats"), 1e-3
        ),
        {
            **{
                f"{name}.encoder.{of}": "one image by all its draws, the others by their first 500 of 100,000"
                for name in MODELS
                for of in ("log_p", "ess")
            },
            **{
                f"{name}.prior.{of}": "one seed by all its draws, the others by their first 10,000 of 100,000"
                for name in MODELS
                for of in ("log_p", "ess")
            },
            **{f"{name}.{of}": "one image by all its draws" for name in MODELS for of in ("bound", "bound_error")},
        },
    ),
    _recording(
        "elbo-ours",
        OURS,
        _build_ours,
        _judge_ours,
        lambda config, arrays, device: _recompute_ours(config, (0, 23, 50, 99), arrays, device),
        {**{f"below_{kind}": 1e-6 for kind in KINDS[1:]}, "ours_log_p_nats": 1e-3},
        {
            f"{kind}.{of}": "four pictures by their draws; the others are bounded"
            for kind in KINDS
            for of in ("2d.bound", "16d.bound", "16d.elbo")
        },
    ),
)
