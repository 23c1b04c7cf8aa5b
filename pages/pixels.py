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
    page.predict(
        "The network is shown a picture of noise. What does it say?",
        ["“This is no digit”", "One of the ten classes, often quite sure of it", "All ten with 10 %"],
        "One of the ten classes, often quite sure of it",
        lambda: (
            "p(y | x) sums to one over ten classes whatever x is. Whether x is a digit is a question to p(x), which "
            f"this network does not have. {looks.of_noise_in_words()}"
        ),
    )
    page.stage(looks.Config, looks.scene, needs=(CNN,), code=looks.code)
    lesson.notice(
        "Warm places speak for a class, cold ones against it: the mean of a map, plus a bias, is its class's logit.",
        "Each place sees 18 × 18 of the 28 × 28 pixels, and all that is done with the places is to take their mean: "
        "to tell digits apart the network need not describe a whole digit.",
        "The five likeliest classes have a map, the likeliest first; p(y | x) beside them is of all ten.",
        "*Only those it gets wrong*: the map of the class it named shows what spoke for it.",
    )
    lesson.formula(
        "Class activation maps are exact, not a guess",
        r"\mathrm{logit}_k=b_k+\frac1{HW}\sum_{h,w}\underbrace{\sum_c w_{kc}\,f_c(h,w)}_{\mathrm{CAM}_k(h,w)}",
        "Softmax takes differences, so each map is shown less the mean of all ten. A place is 4 × 4 pixels wide, and "
        "sees 18 × 18.",
    )


@page.cue("Pixel by pixel", "**Same pixels, another world.** Let neighbours know of each other.")
def show_alone() -> None:
    """Generative, the naive way and the other."""
    config = page.stage(alone.Config, alone.scene, needs=(CLASSIFIERS,), after_drag=alone.after_drag, code=alone.code)
    lesson.notice(
        "**Left**: p(x | y) = Π_d p(x_d | y). Each pixel has the right share of ink, and the picture is static.",
        "**Middle**: one Gaussian of all 784 pixels, drawn with the same random numbers for every λ; values outside "
        "0…1 are cut in the pictures. λ multiplies the covariance of two pixels by 1 − λ, and leaves means and "
        "variances as they are.",
        "Move the cross: which pixels rise with this one (warm), which fall (cold)? At λ = 1 only itself.",
        *([alone.sentence()] if page.shown and page.ready(CNN) else []),
        "Both have the same mean of each pixel, up to binarising: what tells a stroke from static is in no single "
        "pixel, it is in their *joint* distribution.",
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
    page.source(NaivePixels.sample, GaussianPixels.sample)


@page.cue("Eigen-digits", "**Eight directions.** What varies together?")
def show_eigen() -> None:
    """What varies together."""
    config = page.stage(eigen.Config, eigen.scene, needs=(CLASSIFIERS,), code=eigen.code)
    lesson.notice(
        *(eigen.sentences(config) if page.shown else ()),
        "They are the axes of the Gaussian's ellipsoid in 784 dimensions, the longest ones first.",
        "Along an axis strokes cross-fade instead of moving, and pixels leave 0…1 (they are cut in the picture): x "
        "is linear in the coefficient, while a stroke that moves is a curve in the space of pixels.",
    )
    lesson.formula(
        "Principal axes",
        r"\Sigma v_k=s_k^2\,v_k,\qquad x=\mu\pm 2\,s_k\,v_k",
        "Σ is the model's at its chosen λ, ε included: s_k² is an eigenvalue, the variance along v_k.",
    )
    page.source(GaussianPixels.eigenvectors)


@page.cue(
    "Bayes on pictures",
    "**Four models, one digit after the other.** Who is right, who is too sure?",
)
def show_bayes() -> None:
    """Bayes' rule on pictures."""
    page.stage(bayes.Config, bayes.scene, needs=(CNN, CLASSIFIERS), code=bayes.code)
    lesson.notice(
        "Three generative models were fitted class by class, each to the digits of its label; none was trained to "
        "tell classes apart (the full one's λ alone was chosen by its accuracy, on 500 other digits). Bayes' rule "
        "does that: the class with the largest log p(x | y) + log p(y).",
        *(bayes.sentences() if page.shown else ()),
    )
    lesson.formula("Bayes' rule", r"p(y\mid x)=\frac{p(x\mid y)\,p(y)}{\sum_{y'}p(x\mid y')\,p(y')}")
    if page.shown:
        words = {"accuracy": "CNN", "accuracy_naive": "naive", "accuracy_independent": "independent Gaussian",
                 "accuracy_full": "full Gaussian"}  # fmt: skip
        lesson.figures(CNN, CLASSIFIERS, words={key: f"accuracy, {name}" for key, name in words.items()})
    page.source(NaivePixels.log_joint, GaussianPixels.log_joint)


page.run(
    "B. Zhou et al. (2016), *Learning deep features for discriminative localization*: class activation maps.",
    "J. Schäfer & K. Strimmer (2005), *A shrinkage approach to large-scale covariance matrix estimation*.",
    "M. Turk & A. Pentland (1991), *Eigenfaces for recognition*.",
    "Y. LeCun, C. Cortes & C. Burges (1998), *The MNIST database*; here 5,000 of its images, 4,000 to train.",
)
