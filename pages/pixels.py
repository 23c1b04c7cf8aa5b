"""Pixels: is knowing what separates the digits knowing what a digit is?"""

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.pixels import CONCEPT, alone, bayes, eigen, looks
from genmodels.pixels import GaussianPixels, NaivePixels

CNN, CLASSIFIERS = "cnn", "pixel-classifiers"
page = Page(CONCEPT)


@page.cue("What a CNN looks at", "**It tells digits apart.** What did it look at?")
def show_looks() -> None:
    """Discriminative: where it looks."""
    page.stage(looks.Config, looks.scene, needs=(CNN,))
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
    page.predict(
        "The network is shown a picture of noise. What does it say?",
        ["“This is no digit”", "One of the ten classes, often quite sure of it", "All ten with 10 %"],
        "One of the ten classes, often quite sure of it",
        "p(y | x) sums to one over ten classes whatever x is. It was never asked whether x is a digit: that would "
        "take p(x).",
    )


@page.cue("Pixel by pixel", "**Same pixels, another world.** Let neighbours know of each other.")
def show_alone() -> None:
    """Generative, the naive way and the other."""
    config = page.stage(alone.Config, alone.scene, needs=(CLASSIFIERS,), after_drag=alone.after_drag)
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
    if page.shown:
        page.challenge(
            "pixels that exclude each other",
            "Put the cross on a pixel whose ink goes with paper elsewhere: look for deep cold places.",
            "the lowest correlation of this pixel with another",
            lambda: alone.lowest_correlation(config),
            -0.5,
            "",
        )
    lesson.source(NaivePixels.sample, GaussianPixels.sample)


@page.cue("Eigen-digits", "**Eight directions.** What varies together?")
def show_eigen() -> None:
    """What varies together."""
    page.stage(eigen.Config, eigen.scene, needs=(CLASSIFIERS,))
    lesson.notice(
        "The first direction of most classes is a *slant*; later ones are width, loops, thickness.",
        "They are the axes of the Gaussian's ellipsoid in 784 dimensions, the longest ones first.",
        "Far out along an axis the picture is no digit: ink below paper, strokes that cross-fade instead of moving. "
        "A Gaussian is a lump; digits lie on a bent sheet.",
    )
    lesson.formula("Principal axes", r"\Sigma v_k=\lambda_k v_k,\qquad x=\mu\pm 2\sqrt{\lambda_k}\,v_k")
    lesson.source(GaussianPixels.eigenvectors)


@page.cue(
    "Bayes on pictures",
    "**Four models, one digit after the other.** Who is right, who is too sure?",
)
def show_bayes() -> None:
    """Bayes' rule on pictures."""
    page.stage(bayes.Config, bayes.scene, needs=(CNN, CLASSIFIERS))
    lesson.notice(
        "Three generative models classify without ever being told to: log p(x | y) + log p(y), and the largest wins.",
        "The naive ones are *absurdly* sure: they count 784 pixels as independent witnesses, which they are not.",
        "Coins that make sand still tell most digits apart: a bad model of x can be a fair classifier.",
        "The CNN, which can draw nothing, is the best of the four at this.",
    )
    lesson.formula("Bayes' rule", r"p(y\mid x)=\frac{p(x\mid y)\,p(y)}{\sum_{y'}p(x\mid y')\,p(y')}")
    if page.shown:
        words = {"accuracy": "CNN", "accuracy_naive": "naive", "accuracy_independent": "independent Gaussian",
                 "accuracy_full": "full Gaussian"}  # fmt: skip
        lesson.figures(CNN, CLASSIFIERS, words={key: f"accuracy, {name}" for key, name in words.items()})
    lesson.source(NaivePixels.log_joint, GaussianPixels.log_joint)


page.run(
    "B. Zhou et al. (2016), *Learning deep features for discriminative localization*: class activation maps.",
    "J. Schäfer & K. Strimmer (2005), *A shrinkage approach to large-scale covariance matrix estimation*.",
    "M. Turk & A. Pentland (1991), *Eigenfaces for recognition*.",
    "Y. LeCun, C. Cortes & C. Burges (1998), *The MNIST database*; here 5,000 of its images, 4,000 to train.",
)
