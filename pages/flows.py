"""Flows: bend a Gaussian into anything, and keep the exact density."""

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.flows import CONCEPT, bridge, cell, change, compare, crowd, layers, live, matching, roads, used
from dashboard.scenes.flows.setup import stored
from genmodels import detection, typical
from genmodels.flow_matching import adaptive, exact, mixtures, ode
from genmodels.flow_matching import roads as two_roads
from genmodels.flows.bent import BentGaussian
from genmodels.flows.flow import Flow

page = Page(CONCEPT)

# change


@page.cue("Bend a bell", "**Drag the knots.** Mass stays, width changes, height answers.")
def show_change() -> None:
    """Change of variables on a line."""
    page.predict(
        "Between two marks the curve is made twice as steep everywhere. What happens to the strip over there?",
        ["Twice as wide, as high as before", "Twice as wide, half as high", "Twice as wide, twice as high"],
        "Twice as wide, half as high",
        "No point gets lost and none is added: the strip keeps its mass. So p(x) Δx = p(z) Δz, and twice the width "
        "leaves half the height.",
    )
    config = page.stage(change.Config, change.scene, code=change.code, after_drag=change.after_drag)
    lesson.notice(
        "Drag a **knot**: where the curve is steep, the bell is stretched thin; where it is flat, it piles up. Drag "
        "**A** or **B**: both shaded areas stay alike, and in this picture area is mass.",
        "A curve that rises everywhere can be read backwards: each x has one z, and so one density. That is why a "
        "knot is held when it comes to its neighbour.",
        "*Times as before*, on a scale where a factor is a length: the width goes up by what the height goes down.",
        "Knots cannot bring p(x) to zero between two humps: there the curve would have to be infinitely steep. The "
        "corners of p(x) stand at knots, where the slope of g begins to change in another way.",
    )
    if page.shown and change.can_be(config):
        lesson.formula("Change of variables", change.formula(config))
        page.challenge(
            "match it",
            "Switch the dashed density on and bend yours until it matches.",
            "KL(dashed ‖ yours)",
            lambda: change.kl(config),
            change.GOAL,
            "nats",
        )
    page.source(BentGaussian.forward, BentGaussian.log_prob)


# cell


@page.cue("One cell", "**Area times density.** Follow one cell of the lattice through all layers.")
def show_cell() -> None:
    """One cell of a lattice."""
    page.stage(cell.Cell, cell.scene, code=cell.code, needs=stored, after_drag=cell.after_drag)
    lesson.notice(
        "Drag to another cell, in any frame. Draws of z that begin in it stay in it: none can leave, so its *mass*, "
        "the probability of a draw in it, is the same in every frame.",
        "*Dashed*: what the derivative at the centre makes of the square, a parallelogram of area |det| times the "
        "square's. Its area times the density at the centre is the same number in every frame.",
        "The cell itself is bent: its area times the density at its centre is near its mass where the density hardly "
        "varies inside. Try cells of 1/8, and one between two lumps, where the lattice is stretched wide.",
        "A layer under way is drawn where all points have gone the same share of their way: a bijection, too.",
    )
    lesson.formula(
        "What cannot change",
        r"\int_{g(C)}p_x(x)\,dx=\int_C p_z(z)\,dz,\qquad p_x(x)\,|dx|=p_z(z)\,|dz|,\qquad "
        r"|dx|=\Big|\det\frac{\partial g}{\partial z}\Big|\,|dz|",
        "g carries z to x. The first holds for any cell C; the second in the limit of small ones.",
    )
    page.source(Flow.inverse_path, Flow.path)


# layers


@page.cue("Layer by layer", "**There and back.** Each layer moves one coordinate and leaves the other.")
def show_layers() -> None:
    """From the data to the noise, and back."""
    page.stage(
        layers.Layers,
        layers.scene,
        "source",
        "x_1",
        "x_2",
        code=layers.code,
        needs=stored,
        after_drag=layers.after_drag,
    )
    lesson.notice(
        "The hue of a point is the direction of its noise z. Follow a colour: the plane is bent and stretched, and "
        "neither folded nor torn.",
        "First the data become noise; then *fresh* noise, which no data point has made, becomes new data.",
        "Drag the probe, in any frame. A column goes up where a layer stretches there, down where it squeezes; "
        "the last one is what they add up to: log p of the probe.",
        "Each layer moves one coordinate, by a curve that rises, and the other one chooses the curve: so it can be "
        "undone exactly, and its |det| is a single slope.",
    )
    lesson.formula(
        "What the layers add up to",
        r"\log p_x(x)=\log p_z(z)+\sum_k\log\Big|\det\frac{\partial f_k}{\partial x_{k-1}}\Big|,\qquad "
        r"\frac{\partial f_k}{\partial x}=\begin{pmatrix}1&0\\ \ast&T'\end{pmatrix},\qquad \det=T'>0",
        "From the data to the noise; x₀ = x, x_K = z. The matrix is that of a layer that moves x₂.",
    )
    page.source(Flow.path, Flow.inverse_path, Flow.log_prob)


# live


@page.cue("Train it", "**Before your eyes.** How near do held-out nats come to the floor?")
def show_live() -> None:
    """In front of the class."""
    page.predict(
        "The flow is trained on, and the nats of held-out points fall. How far can they fall?",
        ["To 0: nothing surprises it", "To the entropy of the data", "Without end: a density has no upper bound"],
        "To the entropy of the data",
        "On average over the data, −log p is their entropy plus KL(data ‖ model), which is never below 0. The nats "
        "of *training* points, if there are finitely many, may fall without end.",
    )
    names = ("source", "painted", "csv", "live_kind", "live_layers", "live_rate")
    config = page.stage(live.Live, live.scenes, *names, code=live.code, rate=30, check=live.check)
    lesson.notice(
        "*Left*: log p(x) by colour. *Right*: a straight lattice of z, carried back through all layers. Each cell "
        "keeps its mass: the smaller it is pressed, the higher its mean p(x).",
        "The lattice is never torn and never folded, so something always lies between two lumps.",
        live.told(config),
        "*Affine* layers stretch and shift half of the coordinates, by amounts that depend on the other half; "
        "*splines* bend them.",
        "**S** shows samples: the same z in every frame, carried through the layers. Scrub back to see where they "
        "came from.",
    )
    lesson.formula(
        "The loss, and its floor",
        r"\mathbb E_{x\sim\text{data}}\big[-\log p(x)\big]=H(\text{data})+\mathrm{KL}(\text{data}\,\|\,p)\ge "
        r"H(\text{data}),\qquad -\log p(x)=\tfrac12\|z\|^2+\log 2\pi-\sum_k\log|\det J_k|",
        "In two dimensions. The constant log 2π = 1.838 nats belongs to it: a loss without it is lower by that, and "
        "may seem to pass the floor.",
    )
    page.source(*live.steps())


# bridge


@page.cue("The thread", "**One Gaussian, two lumps.** What is left between them?")
def show_bridge() -> None:
    """A continuous bijection cannot tear the plane."""
    page.predict(
        "A flow maps one Gaussian onto two separate lumps. Does it leave nothing between them?",
        ["Nothing, if it is trained well", "Always something: a thread", "It depends on the kind of layers"],
        "Always something: a thread",
        "A flow is a continuous bijection. A straight line of z from the preimage of one lump to that of the other "
        "becomes a line from lump to lump, and on all of it p_x = p_z ÷ |det ∂x/∂z| is above 0: p_z is, and "
        "|det| is finite.",
    )
    config = page.stage(
        bridge.Bridge,
        bridge.scene,
        "source",
        "lumps",
        "along",
        code=bridge.code,
        needs=bridge.stored,
        after_drag=bridge.after_drag,
    )
    lesson.notice(
        "Drag along the *thread*: a straight line of z, seen among the data. p of the flow there, and the true p, "
        "stand below. Colours are log p: the palest are e⁻¹² and less.",
        "The *cut* parts the lumps, half of the data on either side. ∫ p along it is what is left between them: "
        "times a small width, the mass of a strip along the cut.",
        *(bridge.told(config) if page.shown else ()),
        "L is how much longer a small step of z can become on the cut. A lower bound that falls with L: that is why "
        "thinner threads need steeper flows, and nothing between would need L = ∞.",
    )
    lesson.formula(
        "What no layers can undo",
        r"\int_\Gamma p_x\,ds\;\ge\;\frac1L\int_{\Gamma'}p_z\,ds\;\ge\;\frac{\varphi(\Phi^{-1}(\alpha))}{L},\qquad "
        r"L=\max_{\Gamma'}\sigma_{\max}\Big(\frac{\partial x}{\partial z}\Big)",
        "Γ is any line that parts the lumps, Γ′ that line in z, α the share of the flow's mass on one side; φ and Φ "
        "are the density and the distribution function of N(0, 1). A step dn across Γ′ becomes one of L dn at most, "
        "and the mass between is the same. The second is the Gaussian isoperimetric inequality: among all lines with "
        "α on one side, a straight one has the least ∫ p_z ds.",
    )
    page.source(Flow.stretch, Flow.jacobian)


# compare


@page.cue("Three kinds", "**Affine, spline, continuous.** The same seconds of one core: who comes nearest?")
def show_compare() -> None:
    """The same budget."""
    config = page.stage(compare.Config, compare.scene, "source", code=compare.code, needs=compare.stored)
    lesson.notice(
        *(compare.told(config) if page.shown else []),
        "*Affine*: along each line that a layer moves, a bell stays a bell. A layer of *splines* can part it in two.",
        "The *continuous* flow was trained by flow matching, on a squared error: no density was computed on the way, "
        "and its gap is not what it minimises.",
    )
    lesson.formula(
        "What is added up",
        r"\log p(x)=\log\mathcal N(z;0,I)+\sum_{k=1}^K\log|\det J_k|\qquad\text{or}\qquad "
        r"\log p(x)=\log\mathcal N(x_0;0,I)-\int_0^1\nabla\!\cdot v(x_t,t)\,dt",
        "Layers one after the other, or a velocity from t = 0 (noise) to 1 (data), followed backwards from x.",
    )
    page.source(*compare.steps())


# matching


@page.cue("Flow matching", "**From noise straight to data.** Threads cross; the velocity does not.")
def show_matching() -> None:
    """Threads of pairs, and their mean."""
    page.predict(
        "Two threads of pairs cross at one place and time. What does the velocity do there?",
        ["It follows one of the two, at random", "It takes the average of both", "It stops"],
        "It takes the average of both",
        "v(x, t) = E[x₁ − x₀ | xₜ = x]: one number for each place and time, the mean of all threads through it. So "
        "roads along v never cross, and the crowd has the same density at each t as on the threads.",
    )
    page.stage(
        roads.Matching,
        matching.scene,
        "match_view",
        "source",
        "match_steps",
        "match_t",
        "match_x",
        "x_1",
        "x_2",
        code=matching.code,
        needs=roads.needed,
        after_drag=matching.after_drag,
    )
    lesson.notice(
        "*On a line*: drag the cross-hair. From (t, x) the threads fan out to where x₁ may be, the likelier the "
        "thicker; the velocity points to their mean. **V** shows it everywhere.",
        "Roads of an ODE with a smooth velocity never cross: each (t, x) has one way on. In few steps of Euler they "
        "are broken lines, for which this need not hold.",
        "One step of Euler follows v(x₀, 0) = E[x₁] − x₀ to the end: whatever the x₀, that is the mean of all data.",
        "*In the plane*: the network saw single pairs (x₀, x₁) at random t, never the mean. Read how far it is off.",
        "*Few steps*: reflow trains anew on pairs (x₀, x₁) that the first ODE has made, in place of pairs by chance. "
        "Their threads hardly cross, so their mean is nearly each thread itself, and one long step follows it.",
    )
    lesson.formula(
        "What is matched, and what is left at the best",
        r"x_t=(1-t)\,x_0+t\,x_1,\qquad v(x,t)=\mathbb E[x_1-x_0\mid x_t=x]=\frac{\mathbb E[x_1\mid x_t=x]-x}{1-t}"
        r"=\arg\min_v\ \mathbb E\,|v(x_t,t)-(x_1-x_0)|^2",
        "Both hold for any start; that p(x₁ | xₜ) ∝ p(x₁) N(xₜ; t x₁, (1 − t)² I) takes x₀ ~ N(0, I). Straightness: "
        "∫ E|(x(1) − x(0)) − dx/dt|² dt: 0 for straight roads at an even pace (Liu, Gong & Liu).",
    )
    page.source(exact.ExactMixtureVelocity.velocity, ode.iterate_ode, ode.straightness)


# crowd


@page.cue("Two roads, one crowd", "**Diffusion and flow matching.** From the same noise to the same data.")
def show_crowd() -> None:
    """The probability-flow ODE beside flow matching."""
    page.predict(
        "Diffusion's ODE and flow matching start from the same grain of noise. Where do the two roads end?",
        [
            "In one place",
            "In one lump, but in two places",
            "In any two places: only the crowds are alike",
        ],
        "In one place",
        "If both answers are exact, both roads are one ODE in two scales: at equal noise flow matching's x is "
        "diffusion's x ÷ (√ᾱ + √(1 − ᾱ)). Networks that err differently end in different places.",
    )
    page.stage(
        crowd.Crowd,
        crowd.scene,
        "source",
        "crowd_who",
        "crowd_1",
        "crowd_2",
        "x_1",
        "x_2",
        code=crowd.code,
        needs=crowd.needed,
        after_drag=crowd.after_drag,
    )
    lesson.notice(
        "Drag the knob on the left, a grain of noise: both its roads follow. On the right the dashed line is "
        "diffusion's, and the dots are the same, scaled: with exact answers they lie on flow matching's road.",
        "Drag the cross-hair on the right: log p there by both ODEs, each followed back to the noise, and the truth.",
        "Colours say in which direction a grain started: a road keeps its grain's colour to the end.",
        "*The stored networks*: both were trained on the same data, and err differently. Count the grains that end "
        "in another lump. Their ∇·v jumps at the kinks of ReLU: in 25 steps log p is told to about a tenth of a nat.",
    )
    lesson.formula(
        "Two clocks and two scales of one ODE",
        r"x=\alpha x_1+\sigma\varepsilon:\quad"
        r"\frac{d(x/\alpha)}{d(\sigma/\alpha)}=\mathbb E[\varepsilon\mid x],\qquad "
        r"\underbrace{\alpha=t,\ \sigma=1-t}_{\text{flow matching}},\qquad "
        r"\underbrace{\alpha=\sqrt{\bar\alpha},\ \sigma=\sqrt{1-\bar\alpha}}_{\text{diffusion}}",
        r"And along either, $\log p(x)=\log\mathcal N(x_0;0,I)-\int\nabla\!\cdot v\,dt$.",
    )
    page.source(two_roads.two_roads, two_roads.to_matching, adaptive.log_likelihood, mixtures.RoundMixture.answers)


# used


@page.cue("Where is it used?", "**p(x) tells strangers.** And calls one point usual that is never drawn.")
def show_used() -> None:
    """A detector, and its limits."""
    page.predict(
        "A detector calls a point strange where p(x) is low. x is a standard Gaussian in 100 dimensions: which point "
        "does it find the least strange?",
        ["A typical draw", "The centre, which has many draws close by", "The centre, which no draw comes near"],
        "The centre, which no draw comes near",
        "p(x) is largest at the centre, e⁵⁰ times as large as at a typical draw. But nearly all draws are about 10 "
        "away from it: there is so much more space. Choose *Many dimensions*, and see.",
    )
    config = page.stage(used.Config, used.scene, code=used.code, needs=used.needs, after_drag=used.after_drag)
    if config.use == "strangers":
        lesson.notice(
            "Drag the **threshold** along log p(x): lower, and fewer data are flagged by mistake, but more strangers "
            "pass. What lies below −12 nats is in the first bar.",
            "The curve of flags over false alarms has all thresholds at once; the area under it, AUC, is the chance "
            "that a stranger has a lower p(x) than a point of the data (0.5: a coin).",
            "The flow was not shown a single stranger: it has learned the data alone.",
            "Against uniform strangers the true p(x) is the best test there is (Neyman & Pearson). Against others it "
            "is p(x) ÷ p_strange(x), which needs to know them.",
        )
        lesson.formula(
            "The area under the curve",
            r"\text{AUC}=P\big(p(x_{\text{stranger}})<p(x_{\text{data}})\big)+"
            r"\tfrac12P\big(p(x_{\text{stranger}})=p(x_{\text{data}})\big)",
        )
        page.source(detection.roc_auc, detection.flagged)
    else:
        lesson.notice(
            "The blue curve never moves: in any dimension p(x) falls from the centre outwards. The draws move away "
            "all the same: in D dimensions the shell between r and r + dr has a volume that grows as r to the D − 1.",
            "Even grey is a more probable picture than any of a million draws, and is never drawn. So high p(x) does "
            "not mean *typical*, and a detector that only asks p(x) < threshold lets it pass.",
            "Flows trained on photographs have given other, plainer photographs a higher p(x) than their own "
            "(Nalisnick et al. 2019). A test of typicality flags what is too probable, too.",
        )
        lesson.formula(
            "The distance from the centre, and what it costs",
            r"p(r)=\frac{2^{1-D/2}}{\Gamma(D/2)}\,r^{D-1}e^{-r^2/2},\qquad \mathbb E\,r^2=D,\qquad "
            r"\log p(0)-\mathbb E\log p(x)=-\tfrac D2\log 2\pi+\tfrac D2\log 2\pi e=\tfrac D2",
        )
        page.source(typical.log_norm_density, typical.entropy)


page.run(
    "E. Tabak, E. Vanden-Eijnden (2010), *Density estimation by dual ascent of the log-likelihood*",
    "L. Dinh, D. Krueger, Y. Bengio (2014), *NICE*, arXiv:1410.8516",
    "D. Rezende, S. Mohamed (2015), *Variational inference with normalizing flows*, arXiv:1505.05770",
    "L. Dinh, J. Sohl-Dickstein, S. Bengio (2017), *Density estimation using Real NVP*, arXiv:1605.08803",
    "C. Durkan et al. (2019), *Neural spline flows*, arXiv:1906.04032",
    "W. Grathwohl et al. (2019), *FFJORD*, arXiv:1810.01367",
    "E. Nalisnick et al. (2019), *Do deep generative models know what they don't know?*, arXiv:1810.09136",
    "A. Salmona et al. (2022), *Can push-forward generative models fit multimodal distributions?*, arXiv:2206.14476",
    "Y. Lipman et al. (2023), *Flow matching for generative modeling*, arXiv:2210.02747",
    "X. Liu, C. Gong, Q. Liu (2023), *Flow straight and fast*, arXiv:2209.03003",
)
