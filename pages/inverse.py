"""Inverse problems: what is behind a measurement, exactly, and what common samplers make of it."""

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.inverse import (
    CONCEPT,
    coarse,
    colour,
    line,
    mask,
    noise,
    pairs,
    right,
    showpieces,
    sketch,
    solvers,
)
from genmodels.cycle import iterate_cycle
from genmodels.diffusion.sampler import iterate_reverse, q_sample
from genmodels.inverse.blocks import draw_given_blocks, given_blocks, ink_given_blocks
from genmodels.inverse.clamped import iterate_clamped
from genmodels.inverse.exact import condition, minimum_norm
from genmodels.inverse.guidance import exact_guidance, iterate_guided, misfit_gradient
from genmodels.inverse.latent import iterate_climb
from genmodels.inverse.measurement import Grey
from genmodels.inverse.pictures import Pictures, Wiener

page = Page(CONCEPT)

# line


@page.cue("A line of evidence", "**One number is measured of x.** Drag the line: three answers to one question.")
def show_line() -> None:
    """The exact posterior along a line."""
    page.predict(
        "After the measurement x is in one of two lumps, far apart. Where is the average of all plausible answers?",
        ["In the likelier lump", "Between the two", "Where the line is nearest to 0"],
        "Between the two",
        "The mean of a mixture is the weighted mean of its lumps' means, a place on the straight way from one to the "
        "other. An average of plausible answers need not be plausible itself.",
    )
    page.stage(line.Evidence, line.scene, code=line.code, after_drag=line.after_drag)
    lesson.notice(
        "One knob *shifts* the line, the other one *turns* it around the first. As σ goes to 0, the posterior "
        "narrows to the line.",
        "*Minimum norm*: the point of the line that is nearest to the origin. It knows the line and nothing of the "
        "data.",
        "*Posterior mean*: of all single answers the one with the least expected squared error, given y. Samples "
        "average to it, and may never come near it.",
        "*Samples*: where data are. The expected squared error of one is exactly twice the mean's: that is the price "
        "of looking real.",
        "*Weights*: a lump gains by what it says of y, π N(y; a · μ, aᵀΣa + σ²).",
    )
    lesson.formula(
        "A mixture stays a mixture",
        r"p(x\mid y)=\sum_k p(k\mid y)\,\mathcal N\big(x;\ \mu_k+K_k(y-A\mu_k),\ \Sigma_k-K_kA\Sigma_k\big),\qquad "
        r"p(k\mid y)\propto\pi_k\,\mathcal N(y;\,A\mu_k,\,A\Sigma_kA^\top+\sigma^2I)",
        r"$K_k=\Sigma_kA^\top(A\Sigma_kA^\top+\sigma^2I)^{-1}$; the Wiener filter, lump by lump. $A$ is one row, "
        r"$a^\top$.",
    )
    page.source(condition, minimum_norm)


# right


@page.cue("Is the sampler right?", "**Guided diffusion.** All fit the line; who finds the right lumps?")
def show_right() -> None:
    """DPS and replacement beside the exact posterior."""
    page.predict(
        "A sampler puts the measured value in place at each step, so that all samples fit it to the last digit. Are "
        "they samples of p(x | y)?",
        ["Yes: they fit, and the prior does the rest", "Not in general", "Yes, if there are enough steps"],
        "Not in general",
        "At high noise the prior's step heads for a lump without knowing y. Exact guidance adds ∇ log p(y | xₜ), and "
        "p(y | xₜ) averages over whatever x₀ there may be in xₜ; putting y in place is something else.",
    )
    page.stage(right.Guided, right.scene, code=right.code)
    lesson.notice(
        "*Bars*: mean over the particles of p(k | xₜ, y). For exact samples of p(xₜ | y) it is p(k | y) at every t, "
        "but for luck. A gap of 0 does not make a sampler right: it says nothing of the lumps' shapes.",
        "*DPS* takes p(y | xₜ) to be p(y | x̂₀), as if xₜ left no doubt about x₀. Try ζ: it moves both, how near "
        "particles come to the line and how they share themselves out.",
        "*Replacement* takes y for exact, whatever σ: its samples do not miss y at all. The x behind y does.",
        "*Exact guidance*: the posterior is a mixture, too, and so is its noised p(xₜ | y); its score has a closed "
        "form. What is left is the error of finitely many steps, and luck.",
    )
    lesson.formula(
        "What guidance should be, and what is put in its place",
        r"\nabla\log p(x_t\mid y)=\nabla\log p(x_t)+\nabla\log p(y\mid x_t),\qquad "
        r"p(y\mid x_t)=\int p(y\mid x_0)\,p(x_0\mid x_t)\,dx_0\ \ne\ p\big(y\mid\mathbb E[x_0\mid x_t]\big)",
        r"DPS goes from each step to $x_s-\zeta\,\nabla_{x_t}|y-A\hat x_0(x_t)|^2$; its authors divide ζ by "
        r"$|y-A\hat x_0|$ for images.",
    )
    page.source(iterate_guided, misfit_gradient, exact_guidance)


# mask


@page.cue("Mask", "**What was behind it?** Cover a part: nine whole digits that the rest leaves possible.")
def show_mask() -> None:
    """p(whole | part) of digits, exact under a finite prior."""
    page.predict(
        "Nine digits, each of them a plausible answer. Is their average a plausible digit?",
        ["Yes: it is the best of them", "Not in general: it is a blur", "Yes, if there are many"],
        "Not in general: it is a blur",
        "With more answers their average tends to E[x | part]: of all single answers the one with the least squared "
        "error that the prior expects. For that it hedges: where answers disagree it is grey.",
    )
    config = page.stage(mask.Covered, mask.scene, code=mask.code, needs=mask.NEEDS, after_drag=mask.after_drag)
    lesson.notice(
        f"*The prior* is {10 * mask.STYLES**2:,} digits, all equally likely: what a conditional VAE makes of ten "
        f"classes and {mask.STYLES} × {mask.STYLES} styles z. Under this prior p(whole | part) is exact: "
        "Bayes' rule over a list.",
        "*An answer* is drawn from that list; its covered pixels are shown as the decoder's probabilities, or drawn, "
        "too. Seen pixels stay as they are. If the prior is right, a drawn one's expected squared error is twice "
        "that of E[x | part]: 3 dB.",
        "*PSNR* is of the covered pixels. The squared error of the mean of some answers is at most the mean of their "
        "squared errors: the average never loses that contest, and need not look like a digit.",
        "*Misses the part by*: how far the answers' own pictures are from the seen pixels, root mean square. *Wiener "
        "filter*: the same question asked of one Gaussian, fitted to the 4,000 training digits.",
        "*Bars*: p(class | part), exact, and what the CNN takes the answers for. It was trained on whole digits and "
        "has seen none of the test's. The truth comes last; T shows it now.",
    )
    lesson.formula(
        "Bayes' rule over a list of pictures",
        r"p(k\mid x_S)\propto\prod_{d\in S}p_{kd}^{\,x_d}(1-p_{kd})^{1-x_d},\qquad "
        r"\mathbb E[x_d\mid x_S]=\sum_k p(k\mid x_S)\,p_{kd}",
        "S: the pixels that are seen. What is covered is not in the product: it is not looked at.",
    )
    if page.shown:
        page.challenge(
            "as little as possible",
            f"Cover as much as you can, so that the CNN still takes {mask.ANSWERS - 1} of the {mask.ANSWERS} answers "
            "for the right digit (if not, all counts as seen). Any digit will do.",
            "What is still seen",
            lambda: mask.still_seen(config),
            mask.GOAL,
            "%",
        )
    page.source(Pictures, Wiener)


# solvers


@page.cue("Other priors", "**Who else can answer?** Four kinds of models, each asked in the way that it allows.")
def show_solvers() -> None:
    """Diffusion, VAE and MADE asked for what is covered."""
    page.predict(
        "MADE draws pixels one after the other, from the top left, row by row. The upper half is covered, the lower "
        "half is seen. What do its answers know of the part that is seen?",
        ["All that it tells", "Half of it", "Nothing"],
        "Nothing",
        "A pixel hears of those before it in the order. Here all covered pixels come before all seen ones: the upper "
        "halves are drawn as if nothing were seen. To ask for p(upper | lower), sum over all upper halves.",
    )
    page.stage(solvers.Asked, solvers.scene, code=solvers.code, needs=solvers.needs)
    lesson.notice(
        "*Each as it knows digits*: the diffusion model grey, 14 × 14 pixels; the others black and white, 28 × 28. "
        "Compared is at 14 × 14, means of 2 × 2 pixels; PSNR is against the grey digit. No model was trained on test "
        "digits. List and VAE show probabilities of ink, MADE drawn pixels, which costs PSNR on average.",
        "*Diffusion*: replacement puts the seen pixels in place after each step, and the step itself hears of them "
        f"through xₜ alone. RePaint makes each step {solvers.REPEATS} times, with noise in between. DPS goes "
        "downhill in what x̂₀ misses, through the network; try ζ.",
        "*VAE*: z, of 16 numbers, climbs to maxima of p(z | part), from nine starts. These are no samples: how many "
        "starts come to one maximum says nothing of how likely it is.",
        "*MADE*, row by row: exact, for its prior, if all seen pixels come first (lower half covered). Else w says "
        "how well each answer explains seen pixels that came later; *answers that count*: (Σ w)² / Σ w².",
        "*Is it the posterior?* The list's answers are, of its prior. The others have other priors: bars that differ "
        "from the list's need not be wrong.",
    )
    lesson.formula(
        "What an order leaves out",
        r"p(x_H\mid x_S)\propto\underbrace{\prod_{k:\,o(k)\in H}p(x_{o(k)}\mid x_{o(<k)})}_{\text{drawn}}\;"
        r"\underbrace{\prod_{k:\,o(k)\in S}p(x_{o(k)}\mid x_{o(<k)})}_{w}",
        "S: the pixels that are seen, H: those that are not, o: the order. Drawing in order leaves out w.",
    )
    page.source(iterate_guided, iterate_climb, iterate_clamped)


# coarse


@page.cue("Coarse to fine", "**Four pixels.** Which digit was it? Nine answers, at each of five sizes.")
def show_coarse() -> None:
    """p(x | block means) of digits, exact under a finite prior."""
    page.predict(
        "Each answer, made coarse again, is exactly the measured picture. Is their average, too?",
        ["No: it is a blur, and fits nothing", "Yes", "Only if they are all the same digit"],
        "Yes",
        "A is linear: the mean of what A makes of the answers is what A makes of their mean. So to fit what was "
        "measured does not make a digit of a picture; the prior does.",
    )
    page.stage(coarse.Coarse, coarse.scene, code=coarse.code, needs=coarse.NEEDS)
    lesson.notice(
        "*Measured*: the mean of each block of pixels, without noise. It says how much of a block is ink, and not "
        "where. Drawn like this, each mean copied to its block, it is the least-squares answer A⁺y, too.",
        f"*The prior* is that of *Mask*, {10 * mask.STYLES**2:,} digits with pixels drawn. Under it p(x | y) is "
        "exact: the ink of a block is a sum of coins that differ. A test digit is no digit of the list; if none is "
        "near, p(class | y) may be sure, and wrong.",
        "*An answer* is drawn from that list by p(k | y). Its pixels are shown as probabilities, given the ink of "
        "their block, or drawn, too. Then, if the prior is right, its expected squared error is twice that of "
        "E[x | y]: 3 dB.",
        f"*Mean of {coarse.MANY}*: it fits y as well as any answer. The Wiener filter, cut to ink 0 … 1, need not.",
        "*Digits in play*: 2 to the power of the entropy of p(class | y) in bits; it is n if n are equally likely.",
    )
    lesson.formula(
        "A sum of coins that differ",
        r"p(k\mid y)\propto\prod_b P\Big(\sum_{d\in b}x_d=m_b\ \Big|\ p_k\Big),\qquad m_b=n\,y_b",
        "n: pixels of a block. The probability comes pixel by pixel: how likely is it that those so far hold 0, 1, "
        "2 … of ink?",
    )
    page.source(given_blocks, ink_given_blocks, draw_given_blocks)


# noise


@page.cue("Noise", "**A digit under noise.** Nearest to the truth, or like the data?")
def show_noise() -> None:
    """E[x | y] beside samples of p(x | y), over σ."""
    page.stage(noise.Noisy, noise.scene, code=noise.code, needs=noise.NEEDS)
    lesson.notice(
        "*The prior* is the list of digits of *Mask*. Here every pixel is seen, each with noise.",
        "*E[x | y]* is grey where y leaves doubt. *An answer* is drawn, picture and pixels: ink and paper, as the "
        "data are. If the prior is right, its expected squared error is twice that of E[x | y], 3 dB, at every σ.",
        "*The prior expects of E[x | y]*: its squared error given this y, E[x | y] (1 − E[x | y]) over the pixels. "
        "The truth is no digit of the list, and so the error is another.",
        "*Wiener filter*: one Gaussian, fitted to the 4,000 training digits; it knows covariances and no digit.",
    )
    lesson.formula(
        "Every pixel's odds are multiplied",
        r"p(k\mid y)\propto\prod_d\big(1-p_{kd}+p_{kd}\,r_d\big),\qquad "
        r"p(x_d=1\mid k,y)=\frac{p_{kd}\,r_d}{1-p_{kd}+p_{kd}\,r_d},\qquad r_d=e^{(2y_d-1)/2\sigma^2}",
    )
    page.source(Pictures, Wiener)


# colour


@page.cue("Colour", "**Grey.** Was it blue or orange? Both inks have the same grey.", nth=37)
def show_colour() -> None:
    """p(colour | grey), known by construction."""
    page.predict(
        "A colouriser knows how often which digits are blue. Of all answers, it gives that of the least expected "
        "squared error. Which ink has it?",
        ["The likelier one", "Blue or orange, drawn by their odds", "Something between blue and orange"],
        "Something between blue and orange",
        "The least expected squared error is that of E[x | y], which weights each ink by its odds. So it gives a "
        "colour that nobody ever wrote in.",
    )
    config = page.stage(colour.Coloured, colour.scene, code=colour.code, needs=colour.NEEDS)
    lesson.notice(
        f"*By construction* an even digit is blue with {config.even} %, an odd one with {config.odd} %, else orange. "
        "Red, green and blue of either ink have the same mean, which is its grey.",
        "*p(blue | y)*: grey tells where there is ink, and so of the class; the class tells of the ink. p(class | y) "
        "is exact under the list of digits of *Mask*.",
        "*E[x | y]*: one ink for all, weighted by the odds. Drawn by these odds, an answer has twice its expected "
        "squared error, and a colour that there is. (Errors here are of a pixel of ink, red, green and blue 0 … 1.)",
        "*Pixel by pixel*: each pixel's ink is drawn by itself, with the right odds. That all ink of a digit is "
        "alike is lost.",
        "*Least squares*, A⁺y, is the measured picture itself: red, green and blue alike.",
    )
    lesson.formula(
        "Odds of an ink",
        r"p(\text{blue}\mid y)=\sum_{c=0}^{9}p(\text{blue}\mid c)\,p(c\mid y),\qquad "
        r"\mathbb E[\text{ink}\mid y]=p(\text{blue}\mid y)\,\text{blue}+p(\text{orange}\mid y)\,\text{orange}",
    )
    page.source(Grey, Pictures)


# sketch


@page.cue("From a sketch", "**Draw anything.** Noise it, come back: is it still yours, and is it a digit?")
def show_sketch() -> None:
    """SDEdit."""
    page.predict(
        "We noise a sketch nearly to the end, t near T, and the network leads it back. What is left of the sketch?",
        ["All of it: the way back undoes the noise", "Its class: a five stays a five", "Next to nothing"],
        "Next to nothing",
        "The way back starts from xₜ and knows nothing else of the sketch. In xₜ the sketch has weight √ᾱₜ, near 0 "
        "there: what comes back is a sample as from pure noise.",
    )
    config = page.stage(
        sketch.Sketched, sketch.scene, code=sketch.code, needs=sketch.NEEDS, after_drag=sketch.after_drag
    )
    lesson.notice(
        *((sketch.bargain(config),) if page.shown and len(config.points()) else ()),
        "*Move t.* With the exact denoiser of a list of digits a digit comes back from any t; from a small one the "
        "digit nearest to the sketch. What a network makes of an xₜ unlike all that it was trained on is another "
        "matter: see.",
        "*The chart*: medians over nine answers of how far they are from the sketch, and from the nearest of 4,000 "
        "training digits, *to data* (root mean square over the pixels). Dashed: from test digits to theirs. Below it "
        "is no better: what is smooth or average is near, too.",
        f"*Up* is one formula; its frames share their ε. *Back* is {sketch.BACK} steps of DDPM, each with noise of "
        "its own.",
        f"*Ask for* another digit than you drew, by guidance with w = {sketch.GUIDANCE:g}: at which t does the word "
        "win? The CNN takes anything for a digit, a house, too.",
    )
    lesson.formula(
        "The sketch s is taken for a digit that was measured under noise",
        r"x_t=\sqrt{\bar\alpha_t}\,s+\sqrt{1-\bar\alpha_t}\,\varepsilon,\qquad "
        r"x_0\sim p(x_0\mid x_t)\propto p(x_0)\,\mathcal N\big(s+\sigma_t\varepsilon;\,x_0,\,\sigma_t^2I\big),\qquad "
        r"\sigma_t=\sqrt{(1-\bar\alpha_t)/\bar\alpha_t}",
        f"So it is with an exact denoiser and small steps; here a network was trained, and there are {sketch.BACK}.",
    )
    page.source(q_sample, iterate_reverse)


# pairs


@page.cue("Pairs nobody gave us", "**Two clouds, two maps.** They undo each other; are the partners right?")
def show_pairs() -> None:
    """Cycle consistency."""
    page.predict(
        "G and F undo each other, and each sends one cloud onto the other. Does G send each x to its true partner?",
        ["Yes", "Not in general", "Yes, if there are enough points"],
        "Not in general",
        "A ring turned by any angle is the same ring, and turning it back undoes that: each angle has cycle loss 0, "
        "and fits both clouds. Other clouds have other symmetries.",
    )
    page.stage(pairs.Rings, pairs.scene, code=pairs.code)
    lesson.notice(
        "Colours say which x a point comes from; the pale dots on Y have the colour of their true "
        "partner. Lines lead from some G(x) to the true partner of x.",
        "The cycle loss depends on θ − ψ alone. So it pulls both maps together, and leaves their mean where it was: "
        "the start decides.",
        "*Identity loss* pulls both towards no turn at all. Move the true partners: it is then what pulls away from "
        "them.",
        "*One known pair* is enough for a ring: it fixes the one angle that is free.",
    )
    lesson.formula(
        "On the unit circle, G = R(θ), F = R(−ψ), the true partner R(φ) x",
        r"\underbrace{\mathbb E|F(G(x))-x|^2+\mathbb E|G(F(y))-y|^2}_{\text{cycle}}=4\,(1-\cos(\theta-\psi)),\qquad "
        r"\mathbb E|G(x)-R(\varphi)x|^2=2\,(1-\cos(\theta-\varphi))",
        "Whatever θ and ψ are, G(x) is distributed as Y, and F(y) as X: no critic sees a difference.",
    )
    page.source(iterate_cycle)


# showpieces


@page.cue("What the showpieces are", "**All of them are p(x | c).** Each opens the cue that has the same shape.")
def show_showpieces() -> None:
    """Text to image, speech, translation … as conditional distributions."""
    lesson.cards(page.name, showpieces.SHOWPIECES)
    lesson.notice(
        "Right of the bar stands what is given, left of it what is drawn. In the cues x is small, and in some of "
        "them p(x | c) is known exactly. In the showpieces it is learned: one sees samples of it.",
        "An answer that is drawn is one of those that there may be. Nothing in it says whether it is the true one: "
        "neither in a face made of a few coarse pixels nor in a digit.",
    )
    lesson.papers(showpieces.SHOWPIECES)


page.run(
    "C. M. Bishop (2006), *Pattern Recognition and Machine Learning*, section 2.3.3.",
    "J.-Y. Zhu et al. (2017), *CycleGAN*, arXiv:1703.10593.",
    "M. Germain et al. (2015), *MADE*, arXiv:1502.03509.",
    "A. Bora et al. (2017), *Compressed sensing using generative models*, arXiv:1703.03208.",
    "R. Zhang, P. Isola, A. A. Efros (2016), *Colorful image colorization*, arXiv:1603.08511.",
    "A. Lugmayr et al. (2022), *RePaint*, arXiv:2201.09865.",
    "C. Meng et al. (2022), *SDEdit*, arXiv:2108.01073.",
    "H. Chung et al. (2023), *Diffusion posterior sampling for general noisy inverse problems*, arXiv:2209.14687.",
)
