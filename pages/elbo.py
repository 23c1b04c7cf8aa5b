"""Bounds: log p(x) and p(z | x), which cannot be computed, and how one learns all the same."""

import streamlit as st

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.elbo import (
    CONCEPT,
    how_sure,
    infinite,
    one_network,
    ours,
    raising,
    reparameterise,
    three_ways,
    which_z,
)
from genmodels import detection
from genmodels.inference import amortised, ascent, bounds, exact, gradients, importance, kinds, models

page = Page(CONCEPT)

# --- infinite: 3, 30, ∞ Gaussians


@page.cue("3, 30, ∞", "**A mixture of infinitely many Gaussians.** One for each z.")
def show_infinite() -> None:
    """The sum becomes an integral."""
    page.stage(infinite.Config, infinite.scene, code=infinite.code, after_drag=infinite.after_drag)
    lesson.notice(
        "A decoder f turns a number z into a place on the curve. Each Gaussian sits at one f(z_k), with weight 1/K.",
        "*The columns*: the same p(x) as an area. Each column is one z_k, as wide as its share of the prior.",
        "Drag x: which columns are high? The nearer f(z_k) is to x, the higher its column.",
        "Mass elsewhere: half of ∫ |p_K − p|. With little noise it takes more Gaussians to fill the curve. Try σ.",
    )
    lesson.formula(
        "The mixture's formula is the VAE's: f(z) stands for μ_k",
        r"p_K(x)=\sum_{k=1}^K\underbrace{\tfrac1K}_{\pi_k}\,\mathcal N(x;\,\underbrace{f(z_k)}_{\mu_k},\,\sigma^2I)"
        r"\qquad\longrightarrow\qquad p_\theta(x)=\int\underbrace{\mathcal N(z;0,I)}_{p(z)}\,"
        r"\mathcal N(x;\,f_\theta(z),\,\sigma^2I)\,dz",
        "With one latent the integral is an area, and n columns compute it. With d latents, and n values along "
        "each of them, there are n to the power d.",
    )
    page.source(models.CurveModel.mixture, models.CurveModel.log_prob)


# --- which_z: Which z made this x?


@page.cue("Which z?", "**Which z made this x?** Drag x, and see the exact answer.")
def show_which_z() -> None:
    """The exact posterior."""
    page.predict(
        "Two different z give the same x. What does p(z | x) look like?",
        ["Two lumps, one around each", "One lump, between the two", "One lump, around the z nearer to 0"],
        "Two lumps, one around each",
        "Both explain x, so both keep probability, in the ratio of p(z) × p(x | z) around them. Where the two are "
        "close together, their lumps run into one: a banana.",
    )
    page.stage(which_z.Config, which_z.scene, code=which_z.code, needs=which_z.needs, after_drag=which_z.after_drag)
    lesson.notice(
        "*The folded plane*: on one side of the dashed line f reaches every x from two z, on the other from none. "
        "Drag x across it.",
        "1, 2 …: tops of p(z | x) of at least 1 % of its highest density. Their f(z) need not be x: the prior counts "
        "too, and noise explains the rest.",
        "p(x) is the volume under p(x, z): slice by slice it grows to log p(x). A grid with n nodes along each of d "
        "latents has n to the power d: two latents are fine, sixteen are hopeless.",
        "*Digits*: the decoder of the page before, with a test image as x. Which pictures could have made it?",
    )
    lesson.formula(
        "Bayes' rule, and the integral in its way",
        r"p(z\mid x)=\frac{p(x\mid z)\,p(z)}{p(x)},\qquad p(x)=\int p(x\mid z)\,p(z)\,dz",
        "The error shown: by how much log p(x) changes if every second node is left out, and the share at the edge.",
    )
    page.source(exact.posterior, models.FoldModel.decode)


# --- raise: Raise the bound


@page.cue("Raise the bound", "**Drag q.** ELBO and gap share one bar of fixed height.")
def show_raise() -> None:
    """ELBO + KL = log p(x)."""
    page.predict(
        "You drag q about, then it climbs to the best Gaussian. What happens to the height of the bar, log p(x)?",
        ["It grows as q gets better", "It stays", "It shrinks as the gap does"],
        "It stays",
        "log p(x) = ∫ p(x, z) dz: there is no q in it. What the bound gains, the gap KL(q ‖ p(z | x)) loses.",
    )
    config = page.stage(raising.Raise, raising.scene, code=raising.code, after_drag=raising.after_drag)
    lesson.notice(
        "Drag q's mean, and the ends of its axes. Where q has mass and p(z | x) has none, the gap is large.",
        "*Play*: q climbs the bound, which needs p(x, z) only, and neither p(z | x) nor log p(x). The *dashed* line "
        "is the best that a Gaussian can do.",
        "*Turned round*: KL(p ‖ q) is large where p has mass and q has none. Its best Gaussian has p's mean and "
        "covariance; of two lumps it covers both, and the empty place between.",
        "With two lumps, start from here and there: q may end in either of them, and one ends lower.",
    )
    lesson.formula(
        "One bar",
        r"\log p(x)=\underbrace{\mathbb E_q\Big[\log\frac{p(x,z)}{q(z)}\Big]}_{\text{ELBO}}+"
        r"\underbrace{\mathbb E_q\Big[\log\frac{q(z)}{p(z\mid x)}\Big]}_{\mathrm{KL}(q\,\|\,p(z\mid x))\;\ge\;0}",
        "The two logarithms add up to log p(x, z) − log p(z | x) = log p(x), whatever z.",
    )
    if page.shown:
        page.challenge(
            "as good as it gets",
            "Drag q, by hand, until its bound is nearly that of the best Gaussian.",
            "Best bound − yours",
            lambda: raising.short_of_best(config),
            raising.GOAL,
            "nats",
        )
    page.source(bounds.elbo, bounds.kl_to_posterior, ascent.iterate_posterior, ascent.towards_moments)


# --- three_ways: Three ways to write it


@page.cue("Three ways", "**One bound, three sums.** They move together.")
def show_three_ways() -> None:
    """Free energy, reconstruction, gap."""
    page.stage(three_ways.Ways, three_ways.scene, code=three_ways.code, after_drag=three_ways.after_drag)
    lesson.notice(
        "*− free energy*: the energy, E log p(x, z), draws q to the highest top; the entropy wants it wide.",
        "*Reconstruction − KL to the prior*: what a VAE is trained by. The reconstruction, E log p(x | z), draws q "
        "to the z that explain x, the KL back to the prior.",
        "*log p(x) − gap*: why one raises the others. In general its parts cannot be computed.",
        "Drag q away from p(z | x): the three ends move alike, whatever their parts do.",
    )
    lesson.formula(
        "The same number",
        r"\mathbb E_q[\log p(x,z)]+H(q)\;=\;\mathbb E_q[\log p(x\mid z)]-\mathrm{KL}(q\,\|\,p(z))\;=\;"
        r"\log p(x)-\mathrm{KL}(q\,\|\,p(z\mid x))",
        "For every q: log p(x, z) is log p(x | z) + log p(z), and it is log p(x) + log p(z | x).",
    )
    page.source(bounds.elbo, bounds.kl_to_posterior)


# --- one_network: One q for each x, or one network for all


@page.cue("One network", "**One q for each x, or one network for all.** The climb, and the jump.")
def show_one_network() -> None:
    """A climb of its own beside the encoder's answer."""
    page.stage(one_network.Config, one_network.scene, code=one_network.code, needs=one_network.needs)
    lesson.notice(
        "*q* climbs the bound of this x alone, step by step. *The encoder's q* is there from the start: one pass "
        "through a network, trained on other digits.",
        "Between the encoder's line and that of the best q lies the *amortisation gap*; between the best q and "
        "log p(x) what no Gaussian with independent latents can reach.",
        *([one_network.told()] if page.shown else []),
        "Uphill need not lead to the highest top: some digits' climbs rest on a lower one (digit 13). Begin at the "
        "encoder's q, and the climb takes back what the encoder lost, or a part of it.",
    )
    lesson.formula(
        "What is lost on the way",
        r"\log p(x)-F(q_\phi)=\underbrace{\log p(x)-F(q^*)}_{\text{the family's gap}}+"
        r"\underbrace{F(q^*)-F(q_\phi)}_{\text{amortisation gap}},\qquad "
        r"q^*=\arg\max_{m,\,\sigma}F\big(\mathcal N(m,\mathrm{diag}\,\sigma^2)\big)",
        "q* is the best of several climbs; both terms are 0 or more. All bounds here by Gauss-Hermite quadrature, "
        "log p(x) on a grid (Cremer, Li & Duvenaud 2018).",
    )
    page.source(ascent.iterate_posterior, amortised.compare)


# --- how_sure: How sure?


@page.cue("How sure?", "**How sure is log p(x)?** Draw from the prior, or from the encoder.")
def show_how_sure() -> None:
    """Importance sampling with two proposals."""
    page.predict(
        "16 latents, and 100,000 draws of z from the prior. How many of them carry the estimate of p(x)?",
        ["A few at most", "About a thousand", "Nearly all"],
        "A few at most",
        how_sure.because,
    )
    config = page.stage(how_sure.Config, how_sure.scene, under=show_x, code=how_sure.code, needs=how_sure.needs)
    lesson.notice(
        *(how_sure.told(config) if page.shown else ()),
        "The effective sample size tells how evenly the weights are spread over *the draws there are*. A part of "
        "the posterior that no draw has met is missed by both numbers: near 1 it warns, large it proves nothing.",
        *([how_sure.of_all()] if page.shown else []),
        *(
            ["L_K, means over the 20 digits: " + "; ".join(map(how_sure.rise, how_sure.LATENTS)) + "."]
            if page.shown
            else []
        ),
    )
    lesson.formula(
        "Unbiased inside, below on average outside",
        r"\hat p_N(x)=\frac1N\sum_{n=1}^N\frac{p(x,z_n)}{r(z_n)},\ z_n\sim r:\quad \mathbb E\,\hat p_N(x)=p(x),"
        r"\qquad \mathrm{ELBO}=L_1\le L_5\le L_{50}\le\dots\le\log p(x),\quad L_K=\mathbb E\log\hat p_K(x)",
        "The second by Jensen; r is the prior or the encoder's q. Trained on L_K, the autoencoder is the "
        "importance-weighted one (Burda, Grosse & Salakhutdinov 2016); ours was trained on L₁.",
    )
    page.source(importance.log_weights, importance.estimate, importance.importance_bound)


def show_x(config: how_sure.Config) -> None:
    """The digit asked about."""
    st.image(how_sure.x_of(config), width=112, caption="x", alt="The digit asked about.")


# --- reparameterise: The same gradient twice


@page.cue("Reparameterise", "**The same slope, twice.** How far do single draws scatter?")
def show_reparameterise() -> None:
    """Score function and reparameterisation."""
    page.predict(
        "A narrow q is made ten times narrower. Which estimate of the bound's slope scatters more than before?",
        ["The score function's", "The reparameterised one", "Both, by the same factor"],
        "The score function's",
        "Its arrow, f(z) (z − m)/σ², is about f/σ long: it only knows how high f is where z fell. The other one is "
        "∇ log p(x, z), and in a narrow q all z have nearly the same.",
    )
    page.stage(
        reparameterise.Twice,
        reparameterise.scene,
        code=reparameterise.code,
        after_drag=reparameterise.after_drag,
    )
    lesson.notice(
        "Each arrow is the slope of the bound in q's mean, told by one z. Both sides: the same z, the same scale.",
        "Drag σ₁ and σ₂ towards 0: the arrows on the left grow without end, those on the right become alike.",
        "*Baseline*: from each f the mean of the others is taken off. E[(z − m)/σ²] = 0, so that the mean stays.",
        "The score function asks for no ∇f: it also works where z is a word or a move. That is its use.",
    )
    lesson.formula(
        "One slope, two expectations",
        r"\nabla_m\,\mathbb E_q[f(z)]=\mathbb E_q\Big[(f(z)-b)\,\frac{z-m}{\sigma^2}\Big]="
        r"\mathbb E_{\varepsilon}\big[\nabla f(m+\sigma\varepsilon)\big],\qquad f=\log p(x,z)-\log q(z)",
        "On the right −log q moves along with q and drops out of the slope in m: ∇ log p(x, z) is left.",
    )
    page.source(gradients.draws, gradients.exact_gradient)


# --- ours: Is it one of ours?


@page.cue("One of ours?", "**Is it one of ours?** A low p(x) should tell strangers. Should it?")
def show_ours() -> None:
    """Detectors of pictures that are no digits."""
    page.predict(
        "To a model that was trained on digits we show a page with one black bar. Which has the higher p(x), mostly?",
        ["The bar", "The digit", "About the same"],
        "The bar",
        ours.because,
    )
    page.stage(ours.Config, ours.scene, code=ours.code, needs=ours.needs)
    lesson.notice(
        *([ours.surprise()] if page.shown else []),
        "log p(x | z) is a sum over 784 pixels: one that is easy to foretell costs little, whether or not the whole "
        "is a digit.",
        "The five scores are of two models, with 2 and with 16 latents; a bound is cheaper than log p(x), and need "
        "not rank pictures in the same order.",
        "AUC: the share of pairs in which the digit scores higher. 1 is perfect, ½ a coin, and below ½ the detector "
        "would do better turned round.",
    )
    lesson.formula(
        "A density is no detector",
        r"\mathrm{AUC}=P\big(s(x_{\text{foreign}})<s(x_{\text{digit}})\big)+"
        r"\tfrac12P(s(x_{\text{foreign}})=s(x_{\text{digit}})),\qquad "
        r"\text{best: } s(x)=\frac{p(x)}{p_{\text{foreign}}(x)}",
        "The best score is a ratio (Neyman & Pearson 1933): of strangers that are uniform, p(x) itself. That deep "
        "models give simple strangers more than they give their own data: Nalisnick et al. 2019.",
    )
    page.source(detection.roc_auc, kinds.pictures)


page.run(
    "D. P. Kingma & M. Welling (2014), *Auto-encoding variational Bayes*.",
    "C. M. Bishop (2006), *Pattern recognition and machine learning*, 9.4 and 12.2.",
    "C. Cremer, X. Li & D. Duvenaud (2018), *Inference suboptimality in variational autoencoders*.",
    "Y. Burda, R. Grosse & R. Salakhutdinov (2016), *Importance weighted autoencoders*.",
    "E. Nalisnick et al. (2019), *Do deep generative models know what they don't know?*",
)
