"""Diffusion: ruin it slowly, then learn to undo it."""

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.diffusion import CONCEPT, backward, copier, curve, digits, forward, guess, live, why
from dashboard.scenes.diffusion.setup import CHECKPOINTS, after_drag, stored
from genmodels.diffusion import sampler, schedules

POINT = ("source", "schedule", "x_1", "x_2")
page = Page(CONCEPT)


@page.cue("Forward", "**Ruin it slowly.** Step by step, or all at once?")
def show_forward() -> None:
    """Ruin it."""
    page.predict(
        "After many steps the points are Gaussian. Does the variance grow without end?",
        ["Yes: noise is added at each step", "No: each step also shrinks x a little", "It depends on the data"],
        "No: each step also shrinks x a little",
        "√(1 − β) shrinks just so much that a variance of 1 stays 1, and another one tends to 1: the process is "
        "variance-preserving.",
    )
    page.stage(forward.Forward, forward.scene, *POINT, code=forward.code, after_drag=after_drag)
    lesson.notice(
        "*Left*: a thousand small steps, each a little noise. *Right*: one jump to the same t. Same distribution.",
        "So training need not walk: it jumps to a random t and asks what was added.",
        "Two samples of one distribution differ, too: compare the clouds' energy distance with theirs.",
        "Drag the point on the right: its cloud q(x_t | x_0) grows and slides to the origin.",
    )
    lesson.formula(
        "A step, and all steps at once",
        r"x_t=\sqrt{1-\beta_t}\,x_{t-1}+\sqrt{\beta_t}\,\varepsilon_t\qquad\Longrightarrow\qquad "
        r"x_t=\sqrt{\bar\alpha_t}\,x_0+\sqrt{1-\bar\alpha_t}\,\varepsilon,\quad"
        r"\bar\alpha_t=\prod_{s\le t}(1-\beta_s)",
    )
    page.source(sampler.iterate_forward, sampler.q_sample)


@page.cue("Schedule", "**How fast?** Choose, or draw your own.")
def show_schedule() -> None:
    """How fast."""
    page.stage(
        curve.Curves,
        curve.scene,
        "schedule",
        "count",
        "source",
        "knots",
        code=curve.code,
        after_drag=curve.after_drag,
    )
    lesson.notice(
        "The schedule decides where the steps are spent: on fine detail (ᾱ near 1) or on nearly pure noise.",
        "Fewer steps keep q(x_t | x_0): ᾱ at some of the times, and β_t = 1 − ᾱ_t ÷ ᾱ_s, s the chosen time before t.",
        "*Your own*: leave ᾱ_T at 0.3, and read E KL(q(x_T | x_0) ‖ N(0, I)), the mean over the 400 points: about "
        "−log(1 − 0.3) = 0.36 nats in two dimensions. Sampling starts from N(0, I), not from where the data went.",
    )
    lesson.formula(
        "A hierarchical VAE with a fixed encoder, and its bound",
        r"-\log p(x_0)\le\underbrace{\mathrm{KL}\big(q(x_T\mid x_0)\,\|\,\mathcal N(0,I)\big)}"
        r"_{-\frac D2\log(1-\bar\alpha_T)\,+\,\frac{\bar\alpha_T}2(|x_0|^2-D)}"
        r"+\sum_{t=2}^T\mathbb E_q\,\mathrm{KL}\big(q(x_{t-1}\mid x_t,x_0)\,\|\,p(x_{t-1}\mid x_t)\big)"
        r"-\mathbb E_q\log p(x_0\mid x_1)",
        "x₁ … x_T are the latent variables, q is the encoder, which is not trained, p the decoder. The first term "
        "depends on schedule and data: no training lowers it. The terms of the sum are squared errors of x̂₀ "
        "with weights, where p has the variance β̃ of q; DDPM trains on those of ε̂ without weights.",
    )
    page.source(schedules.Schedule.choose, schedules.Schedule.prior_term)


@page.cue("What to guess", "**Where did it come from?** Drag the noisy point.", source="ffjord8")
def show_guess() -> None:
    """The best answer."""
    page.predict(
        "x_t is exactly half-way between two clusters. What does the best network answer?",
        ["One of the two, at random", "A point between them, where there are no data", "x_t itself"],
        "A point between them, where there are no data",
        "Expected squared error is least for the mean, and both are equally likely. So one step from noise gives "
        "the mean of all data (of digits, a blur); many small steps end in one cluster or the other.",
    )
    config = page.stage(
        guess.Guess, guess.scene, "source", "x_1", "x_2", code=guess.code, needs=stored, after_drag=after_drag
    )
    lesson.notice(
        "The threads end at the likeliest origins among 300 data points, which are shaded by how likely they are.",
        "**E[x₀ | xₜ], the mean over all data, is the best possible answer**: its expected squared error is least.",
        *([guess.whose(config)] if page.shown else []),
        "The network was not shown this mean. It saw single pairs (x_0, x_t), and comes near it.",
        "The score points from x_t towards **√ᾱ_t E[x₀ | xₜ]** (the arrow, **A**), not towards E[x₀ | xₜ] itself: "
        "where x_t lies between the two, that is the opposite way. **L** hides the learned scores, **E** the exact.",
    )
    lesson.formula(
        "Three names for one answer",
        r"\mathbb E[x_0\mid x_t],\qquad \hat\varepsilon=\frac{x_t-\sqrt{\bar\alpha_t}\,\mathbb E[x_0\mid x_t]}"
        r"{\sqrt{1-\bar\alpha_t}},\qquad \nabla\log p_t(x_t)=-\frac{\hat\varepsilon}{\sqrt{1-\bar\alpha_t}}"
        r"=\frac{\sqrt{\bar\alpha_t}\,\mathbb E[x_0\mid x_t]-x_t}{1-\bar\alpha_t}",
        "The last is Tweedie's formula: who denoises knows the score.",
    )
    page.source(sampler.convert)


@page.cue("Why so many?", "**A small step back is a Gaussian.** A large one is not.", source="ffjord8")
def show_why() -> None:
    """Many small steps."""
    config = page.stage(forward.Forward, why.scene, *POINT, code=why.code, after_drag=after_drag)
    lesson.notice(
        "The three panels are magnified to the same spread: look at the *shape* of one exact step back.",
        "*Solid*: the Gaussian of its moments, of all Gaussians the nearest in KL. *Dashed*: DDPM's own, of variance "
        "β̃ I, here with the exact mean: it is right if x_0 is known, and too narrow where it is not.",
        *why.told(config),
        "Play towards t = 0, and drag x_t to where it could have come from two places: there a large step differs.",
    )
    lesson.formula(
        "What is replaced by a Gaussian",
        r"p(x_{t-1}\mid x_t)=\int q(x_{t-1}\mid x_t,x_0)\,p(x_0\mid x_t)\,dx_0\;\approx\;"
        r"\mathcal N\big(\tilde\mu(x_t,\hat x_0),\,\tilde\beta_t I\big)",
    )
    page.source(sampler.ddpm_step)


@page.cue("Backward", "**Noise becomes data.** Two samplers, one start.")
def show_backward() -> None:
    """Undo it."""
    config = page.stage(
        backward.Back, backward.scene, "source", "sampler", "eta", "back", "who", code=backward.code, needs=stored
    )
    exact = config.of_points() or " of the mixture that the data are"
    lesson.notice(
        "Same x_T on both sides. DDPM adds fresh noise at each step but the last, DDIM with η = 0 none: x_T decides.",
        "η = 1 makes DDIM a DDPM. **R** draws trails.",
        "x̂₀ begins near the mean of all data and ends as the sample: at which t do its points part?",
        "5 steps, 50, 1,000: who suffers more from few steps? Read W₂ beside that of true samples, and the variance "
        "within modes (cells, where there are none) beside the true one, which W₂ of 200 points hardly sees: samples "
        "that are too narrow, or too wide, may score as well as true ones, or better.",
        f"The exact denoiser here is that{exact}.",
    )
    lesson.formula(
        "One step of DDIM",
        r"x_s=\sqrt{\bar\alpha_s}\,\hat x_0+\sqrt{1-\bar\alpha_s-\sigma^2}\,\hat\varepsilon+\sigma z,\qquad"
        r"\sigma=\eta\sqrt{\tfrac{1-\bar\alpha_s}{1-\bar\alpha_t}\big(1-\tfrac{\bar\alpha_t}{\bar\alpha_s}\big)}",
    )
    if page.shown:
        page.challenge(
            "few steps",
            "Choose sampler, η and steps on the right so that its samples are as near to the data as true samples "
            "are (W₂ of 200 points within two standard deviations of theirs), with as few network evaluations as "
            "possible; a step of the ODE takes four, its last three.",
            "network evaluations (10,000 if the samples are not that near)",
            lambda: backward.fewest(config),
            5,
            "evaluations",
        )
        words = {
            "w2_ddpm_200": "W₂ (n = 500), DDPM in 200 steps",
            "w2_ddim_50": "DDIM in 50",
            "w2_true": "true samples",
        }
        lesson.figures(*(name for name in CHECKPOINTS if page.ready(name)), words=words)
    page.source(sampler.ddim_step, sampler.iterate_reverse)


@page.cue("Photocopier", "**The perfect denoiser of N points.** What does it dream of?")
def show_copier() -> None:
    """The lowest possible loss, nothing new."""
    config = page.stage(copier.Copy, copier.scene, "source", "n", code=copier.code, needs=stored)
    lesson.notice(
        "*Left*: the exact answer for N points. Run backwards in ever smaller steps it returns these points, from "
        "whatever noise; here, in 60 steps, some may end beside them.",
        "*Right*: a network that was trained on fresh points at every step, so that there were none to copy.",
        "With more points even fresh data lie nearer to a training point: hold the distances against theirs.",
        *(copier.told(config) if page.shown else []),
    )


@page.cue("Train it", "**Before your eyes.** Any points, your own too.")
def show_live() -> None:
    """In front of the class."""
    names = ("source", "painted", "csv", "live_schedule", "prediction", "log_rate")
    page.stage(live.Live, live.scenes, *names, code=live.code, rate=30, check=live.check)
    lesson.notice(
        "Watch the score: does it find the middle first, then the clusters, last their shapes?",
        "The lowest possible loss is above 0: x_t does not tell which x_0 and ε made it. At which t is most left?",
        "Adam's learning rate starts at the slider's, and falls to 0 along half a cosine.",
        "Painted points, a dinosaur: all the same code. Scrub back to see when it became one.",
    )
    page.source(*live.steps())


@page.cue("Digits", "**From static to digit.** The class is asked for.")
def show_digits() -> None:
    """From static to digit."""
    page.stage(digits.Config, digits.scene, code=digits.code, needs=(digits.NAME,))
    lesson.notice(
        "14 × 14 pixels, and a perceptron with three hidden layers of 512.",
        "*Above* xₜ, *below* x̂₀, the network's estimate of E[x₀ | xₜ, y]; with w above 1, pushed beyond it.",
        "**Guidance** evaluates the network twice, with and without the class, and takes w times the difference.",
        *([digits.measured()] if page.shown else []),
        "It does not sample p(x) p(y | x)^w (normalised), as is often said: its score at each t is that of "
        "p_t(x_t) p_t(y | x_t)^w, and these are not the noised versions of that distribution.",
    )
    lesson.formula(
        "Classifier-free guidance, in this convention",
        r"\hat\varepsilon=\hat\varepsilon(x_t)+w\,\big(\hat\varepsilon(x_t,y)-\hat\varepsilon(x_t)\big),\qquad "
        r"w=1:\text{ conditional}",
    )
    if page.shown:
        words = {"accuracy": "of the class asked for, says a CNN of the same digits (share), w = 2",
                 "nearest": "to the nearest training digit",
                 "nearest_test": "the same, test digits"}  # fmt: skip
        lesson.figures(digits.NAME, words=words)


page.run(
    "J. Sohl-Dickstein et al. (2015), *Deep unsupervised learning using nonequilibrium thermodynamics*.",
    "J. Ho, A. Jain & P. Abbeel (2020), *Denoising diffusion probabilistic models*.",
    "J. Song, C. Meng & S. Ermon (2021), *Denoising diffusion implicit models*.",
    "Y. Song et al. (2021), *Score-based generative modeling through stochastic differential equations*.",
    "J. Ho & T. Salimans (2022), *Classifier-free diffusion guidance*; their w is ours − 1. A. Bradley & P. Nakkiran "
    "(2024), *Classifier-free guidance is a predictor-corrector*: why it samples no p(x) p(y | x)^w.",
    "B. Efron (2011), *Tweedie's formula and selection bias*, JASA 106.",
    "T. Salimans & J. Ho (2022), *Progressive distillation*: v. A. Nichol & P. Dhariwal (2021): the cosine schedule.",
)
