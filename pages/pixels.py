"""Pixels: is knowing what separates the digits knowing what a digit is?"""

import functools
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from dashboard import lesson
from dashboard.lesson import checkpoints as rebuild
from dashboard.lesson import controls
from dashboard.player import play
from dashboard.scene import Scene
from dashboard.scenes.pictures import DIGITS
from dashboard.scenes.pixels import alone, bayes, eigen, looks
from genmodels.pixels import GaussianPixels, NaivePixels

PAGE = "pixels"
C = TypeVar("C")
CNN, CLASSIFIERS = "cnn", "pixel-classifiers"
show = functools.partial(
    play, key=f"{PAGE}.player", on_hand=functools.partial(controls.put, PAGE), focus=lesson.focus_token()
)


def digit() -> int:
    """The class that is modelled."""
    return int(controls.choice(PAGE, "digit", "Class", {d: f"the {d}s" for d in DIGITS}, "3"))


def stage(build: Callable[..., Scene], choose: Callable[[], C], *names: str, **more) -> C | None:
    """Controls on the left and the picture on the right, if what it needs can be read; the config shown."""
    with lesson.beside_controls() as (left, right):
        with left:
            config = choose()
        with right:
            if not rebuild.ready(PAGE, *names):
                return None
            show(build, config, **more)
    return config


def show_looks(seed: int) -> None:
    """Discriminative: where it looks."""
    stage(looks.scene, lambda: looks.Config(controls.choice(PAGE, "which", "Pictures", looks.WHICH, "all")), CNN)
    lesson.notice(
        "Warm places speak for a class, cold ones against it: sums of evidence, nothing else, decide.",
        "It needs a few tell-tale places: a gap, a crossing, an end. It never needs to know a whole digit.",
        "*Only those it gets wrong*: the map of the class it named shows what misled it.",
    )
    lesson.formula(
        "Class activation maps are exact, not a guess",
        r"\mathrm{logit}_k=b_k+\frac1{HW}\sum_{h,w}\underbrace{\sum_c w_{kc}\,f_c(h,w)}_{\mathrm{CAM}_k(h,w)}",
        "Softmax takes differences, so each map is shown less the mean of all ten. A place is 4 × 4 pixels wide, and "
        "sees 18 × 18.",
    )
    lesson.predict(
        PAGE,
        "The network is shown a picture of noise. What does it say?",
        ["“This is no digit”", "One of the ten classes, often quite sure of it", "All ten with 10 %"],
        "One of the ten classes, often quite sure of it",
        "p(y | x) sums to one over ten classes whatever x is. It was never asked whether x is a digit: that would "
        "take p(x).",
    )


def show_alone(seed: int) -> None:
    """Generative, the naive way and the other."""

    def choose() -> alone.Config:
        at = {name: controls.linked(PAGE, name, 14) for name in ("pixel_x", "pixel_y")}
        return alone.Config(digit(), **{name: min(max(value, 0), 27) for name, value in at.items()})

    config = stage(alone.scene, choose, CLASSIFIERS, after_hand=alone.after_hand)
    lesson.notice(
        "**Left**: p(x | y) = Π_d p(x_d | y). Each pixel is right on average, and the picture is sand.",
        "**Middle**: one Gaussian of all 784 pixels. λ shrinks every covariance; no mean, no variance changes.",
        "Move the cross: which pixels rise with this one (warm), which fall (cold)? At λ = 1 only itself.",
        "What makes a digit is in no pixel, but in how they hang together: in the *joint* distribution.",
    )
    lesson.formula(
        "One number decides",
        r"\Sigma(\lambda)=(1-\lambda)\,S+\lambda\,\mathrm{diag}(S)+\varepsilon I,\qquad "
        r"\Sigma(\lambda)_{dd}=S_{dd}+\varepsilon\ \text{ for every }\lambda",
    )
    if config is not None:
        lesson.challenge(
            PAGE,
            "pixels that exclude each other",
            "Put the cross on a pixel whose ink goes with paper elsewhere: look for deep cold places.",
            "the lowest correlation of this pixel with another",
            lambda: alone.lowest_correlation(config),
            -0.5,
            "",
        )
    lesson.source(NaivePixels.sample, GaussianPixels.sample)


def show_eigen(seed: int) -> None:
    """What varies together."""
    stage(eigen.scene, lambda: eigen.Config(digit()), CLASSIFIERS)
    lesson.notice(
        "The first direction of most classes is a *slant*; later ones are width, loops, thickness.",
        "They are the axes of the Gaussian's ellipsoid in 784 dimensions, the longest ones first.",
        "Far out along an axis the picture is no digit: ink below paper, strokes that cross-fade instead of moving. "
        "A Gaussian is a lump; digits lie on a bent sheet.",
    )
    lesson.formula("Principal axes", r"\Sigma v_k=\lambda_k v_k,\qquad x=\mu\pm 2\sqrt{\lambda_k}\,v_k")
    lesson.source(GaussianPixels.eigenvectors)


def show_bayes(seed: int) -> None:
    """Bayes' rule on pictures."""
    ready = stage(
        bayes.scene,
        lambda: bayes.Config(controls.choice(PAGE, "turns", "Pictures", bayes.WHICH, "all")),
        CNN,
        CLASSIFIERS,
    )
    lesson.notice(
        "Three generative models classify without ever being told to: log p(x | y) + log p(y), and the largest wins.",
        "The naive ones are *absurdly* sure: they count 784 pixels as independent witnesses, which they are not.",
        "Coins that make sand still tell most digits apart: a bad model of x can be a fair classifier.",
        "The CNN, which can draw nothing, is the best of the four at this.",
    )
    lesson.formula("Bayes' rule", r"p(y\mid x)=\frac{p(x\mid y)\,p(y)}{\sum_{y'}p(x\mid y')\,p(y')}")
    if ready is not None:
        words = {"accuracy": "CNN", "accuracy_naive": "naive", "accuracy_independent": "independent Gaussian",
                 "accuracy_full": "full Gaussian"}  # fmt: skip
        rebuild.figures(CNN, CLASSIFIERS, words={key: f"accuracy, {name}" for key, name in words.items()})
    lesson.source(NaivePixels.log_joint, GaussianPixels.log_joint)


CUES = {
    "looks": lesson.Cue(
        "What a CNN looks at", "**It tells digits apart.** What did it look at?", show_looks, {"which": "all"}
    ),
    "alone": lesson.Cue(
        "Pixel by pixel", "**Same pixels, another world.** Let neighbours know of each other.", show_alone,
        {"digit": "3", "pixel_x": 14, "pixel_y": 14},
    ),
    "eigen": lesson.Cue("Eigen-digits", "**Eight directions.** What varies together?", show_eigen, {"digit": "3"}),
    "bayes": lesson.Cue(
        "Bayes on pictures", "**Four models, one digit after the other.** Who is right, who is too sure?", show_bayes,
        {"turns": "all"},
    ),
}  # fmt: skip

lesson.question("Is knowing what separates the digits knowing what a digit is?")
lesson.cues(PAGE, CUES).show(st.session_state["_shell"].seed)
lesson.references(
    "B. Zhou et al. (2016), *Learning deep features for discriminative localization*: class activation maps.",
    "J. Schäfer & K. Strimmer (2005), *A shrinkage approach to large-scale covariance matrix estimation*.",
    "M. Turk & A. Pentland (1991), *Eigenfaces for recognition*.",
    "Y. LeCun, C. Cortes & C. Burges (1998), *The MNIST database*; here 5,000 of its images, 4,000 to train.",
)
