"""Energy: what can be done if p(x) is known up to a constant."""

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.energy import CONCEPT, count, deep, digits, gsn, landscape, learn, memory, score, walkers
from genmodels.flow_matching.mixtures import RoundMixture
from genmodels.gsn.chain import corrupt, iterate_chain
from genmodels.gsn.training import add_gradient, iterate_gsn
from genmodels.hopfield import CAPACITY, iterate_hopfield, store_patterns
from genmodels.langevin.convergence import effective_sample_size, split_r_hat
from genmodels.langevin.samplers import iterate_walkers, leapfrog, ula_variance
from genmodels.langevin.targets import Wells, log_normaliser
from genmodels.rbm.ais import annealed_log_z
from genmodels.rbm.chains import iterate_chains
from genmodels.rbm.deep import DBM, DBN, DBMTraining, DBNTraining
from genmodels.rbm.model import RBM
from genmodels.rbm.training import RBMTraining

page = Page(CONCEPT)

# landscape


@page.cue("Landscape", "**Low energy, high density.** Raise one well: what does it do elsewhere?")
def show_landscape() -> None:
    """An energy with handles."""
    page.predict(
        "Well C is raised until it is gone. Far from it E(x) stays as it was. What happens to p(x) there?",
        [
            "It stays as it was, too",
            "It rises, everywhere by the same factor",
            "It rises in wells, and falls between",
        ],
        "It rises, everywhere by the same factor",
        "p(x) = exp(−E(x)) ÷ Z, and Z = ∫ exp(−E(x)) dx falls when energy is raised anywhere. Where E stays, p is "
        "multiplied by Z before ÷ Z after: the one number Z ties all places together.",
    )
    config = page.stage(landscape.Landscape, landscape.scene, code=landscape.code, after_drag=landscape.after_drag)
    lesson.notice(
        "Drag **A**, **B**, **C** and the cross-hair. Time is how far C is raised: dashed, what stood on the section "
        "before.",
        "E has no zero of its own: E + c is the same p(x), for Z takes the factor exp(−c) up. What can be compared "
        "without Z is two places: p(x) ÷ p(y) = exp(E(y) − E(x)).",
        "*Training* an energy is pushing it down at data. Without the Z in −log p(x) = E(x) + log Z it could go down "
        "everywhere.",
        landscape.told(config),
    )
    lesson.formula(
        "Everything but one number",
        r"p(x)=\frac{e^{-E(x)}}{Z},\qquad Z=\int e^{-E(x)}\,dx\approx\sum_{\text{cells}}e^{-E}\,\Delta x_1\Delta x_2,"
        r"\qquad \nabla\log p(x)=-\nabla E(x)-\underbrace{\nabla\log Z}_{0}",
        "Z does not depend on x: so the gradient of log p, the score, can be had without it.",
    )
    page.source(Wells.energy, log_normaliser)


# walkers


@page.cue("Walkers", "**Downhill, and noise.** Who ends up with the right distribution?")
def show_walkers() -> None:
    """Five samplers."""
    page.predict(
        "ULA, x′ = x + (ε/2) ∇ log p(x) + √ε ξ, takes every proposal. p has the variance σ², and ε = σ². Which "
        "variance do its walkers end up with?",
        ["σ²: drift and noise are in balance", "4/3 σ²", "2 σ²: the noise of each step is added"],
        "4/3 σ²",
        "On a Gaussian the drift is −εx/2σ², so x′ = (1 − ε/2σ²) x + √ε ξ, and a variance v that stays has "
        "v = (1 − ε/2σ²)² v + ε: v = σ² ÷ (1 − ε/4σ²). MALA refuses some of the same proposals, and has σ².",
    )
    config = page.stage(walkers.Walkers, walkers.scene, code=walkers.code)
    lesson.notice(
        "*Left*, ULA: right in the limit of small steps. *Right*: a proposal is refused with a probability that "
        "makes up for the finite step. It asks for p(x′) ÷ p(x), and there Z cancels.",
        "A refused proposal, *a cross*, is no step: the walker stands, and its place counts once more.",
        "*HMC* gives each walker a push and lets it roll for L steps before it asks. *Metropolis* does without "
        "gradients. *Annealed*: noise of a temperature T that falls to 1.",
        f"*Two lumps, far apart*: half-way between them p(x) is {walkers.between()} of its largest value. Annealing "
        "crosses while it is hot; which share stays where is settled when it cools.",
        walkers.told(config),
    )
    lesson.formula(
        "ULA, its error, and the cure",
        r"x'=x+\tfrac\varepsilon2\nabla\log p(x)+\sqrt\varepsilon\,\xi,\qquad "
        r"v_\infty=\frac{\sigma^2}{1-\varepsilon/4\sigma^2}\ \ (\varepsilon<4\sigma^2),\qquad "
        r"a=\min\Big(1,\frac{p(x')\,q(x\mid x')}{p(x)\,q(x'\mid x)}\Big)",
        "The first is for any p, the second for N(0, σ²), a the probability with which MALA takes x′; "
        "q(x′ | x) = N(x′; x + (ε/2) ∇ log p(x), ε I).",
    )
    page.challenge(
        "come near",
        "With any p(x) but the two lumps, choose ε and the number of steps so that ULA's 300 walkers come near 2,000 "
        "exact samples: too short a walk has not arrived, too long steps miss.",
        "energy distance",
        lambda: walkers.off(config),
        walkers.GOAL,
        "√length",
    )
    page.source(iterate_walkers, leapfrog, ula_variance, effective_sample_size, split_r_hat)


# learn


@page.cue("Learn a landscape", "**Down at data, up at its own samples.** What does p do where nobody looks?")
def show_learn() -> None:
    """An energy trained live."""
    page.predict(
        "Training pushes E down at data and pulls it up at the model's own samples. The second half is switched off. "
        "What happens?",
        ["Nothing much: data say all", "E falls at data for ever, and p is no better for it", "p becomes the data's"],
        "E falls at data for ever, and p is no better for it",
        "−log p(x) = E(x) + log Z. Without the second half Z is forgotten: E may fall everywhere, faster and faster, "
        "and p, which only knows differences of E, gains nothing by it.",
    )
    names = ("source", "painted", "csv", "chains", "chain_steps", "negative")
    config = page.stage(learn.Learn, learn.scenes, *names, code=learn.code, rate=30, check=learn.check)
    lesson.notice(
        "*Left*: p itself, with Z summed over a grid. In the plane that can be done, and shows what the training "
        "does not see.",
        "*From the data*, a few steps (contrastive divergence): chains never go far, so nothing pulls up elsewhere, "
        "and p keeps mass there. *Where they were*: persistent chains wander, and find it.",
        "*E(data) − E(chains)* is no likelihood: it is near 0 as soon as chains and data cannot be told apart, "
        "whatever p does elsewhere.",
        learn.told(config),
        "Chains are unadjusted: a large ε makes them too wide, or throws them out. Then the run stops and says so; "
        "scrub back.",
    )
    lesson.formula(
        "Two phases",
        r"\nabla_\theta\,\mathbb E_{x\sim\text{data}}\big[-\log p_\theta(x)\big]=\mathbb E_{x\sim\text{data}}"
        r"\big[\nabla_\theta E_\theta(x)\big]-\mathbb E_{x\sim p_\theta}\big[\nabla_\theta E_\theta(x)\big],\qquad "
        r"E_\theta(x)=f_\theta(x)+\frac{|x|^2}{2s^2}",
        "s = 1.5: a wide Gaussian, so that Z is finite whatever the network f says.",
    )
    page.source(*learn.steps())


# score


@page.cue("The score instead", "**No Z in an arrow.** Exact, and learned by removing noise.")
def show_score() -> None:
    """The bridge to diffusion."""
    config = page.stage(score.Scores, score.scene, "source", code=score.code, needs=score.stored)
    lesson.notice(
        "*Arrows*: √(1 − ᾱ) · ∇ log p of the data under noise, cut so that none reaches the next. The network "
        "was trained to undo noise, and never saw p(x): the noise that it finds in x_t, turned round, is the arrow.",
        "*Walkers* start as N(0, I) and walk by ULA along the learned arrows, with ε = 0.3 (1 − ᾱ).",
        *([score.told(config)] if page.shown else []),
        f"Many noise levels, from large to small, are a sampler: [the same data and noise on the page on "
        f"diffusion]({score.bridge(config)}).",
    )
    lesson.formula(
        "Denoising is the score",
        r"\nabla\log p_t(x_t)=\frac{\sqrt{\bar\alpha}\,\mathbb E[x_0\mid x_t]-x_t}{1-\bar\alpha}"
        r"=-\frac{\mathbb E[\varepsilon\mid x_t]}{\sqrt{1-\bar\alpha}},\qquad "
        r"x_t=\sqrt{\bar\alpha}\,x_0+\sqrt{1-\bar\alpha}\,\varepsilon",
        "So a network with the least squared error in ε (or in x₀, or, as here, in v, from which both follow) tells "
        "the score of the noisy data, and no Z was needed to train it: denoising score matching.",
    )
    page.source(score.exact_score, RoundMixture.answers)


# count


@page.cue("A machine one can count", "**All 512 pictures.** Three ways of training, from one start.")
def show_count() -> None:
    """Exact, CD-1 and PCD on bars and stripes."""
    page.predict(
        "Training raises p of the data, and lowers it where the model dreams. If that second half is switched off, "
        "what happens?",
        ["It learns the data more slowly", "All weights shrink to 0", "All weights and biases run away"],
        "All weights and biases run away",
        "The first half adds E[v h] over the data, which is never negative: no weight and no bias ever falls. In the "
        "end one picture has nearly all of p, the black one. Set the weight of the negative phase to 0, and see.",
    )
    page.stage(count.Counted, count.scene, code=count.code)
    lesson.notice(
        "*The exact gradient* counts all states of the hidden units at each step. *CD-1* starts at the data and "
        "takes one step of Gibbs; *PCD* has 100 chains that go on from step to step.",
        "CD-1 only lowers p where one step from the data leads. *Here CD-1 would be off by*: the angle between what "
        "it follows on average at the machine shown, and the gradient of log p there.",
        "PCD needs weights that move more slowly than its chains do: raise the learning rate, and see. It falls in a "
        "straight line, to 0 at the end.",
        "Each pixel is black in half of the data. With a weight λ on the negative phase, a machine at rest has it "
        "black in ½ ÷ λ of its dreams: below λ = ½ there is no such machine.",
    )
    lesson.formula(
        "Two phases",
        r"\frac{\partial}{\partial W}\,\mathbb E_{\text{data}}[\log p(v)]=\mathbb E_{\text{data}}[v\,h^\top]-"
        r"\lambda\,\mathbb E_{\text{model}}[v\,h^\top],\quad\lambda=1,\qquad "
        r"p(v)=\frac1Z\,e^{b\cdot v}\prod_j\big(1+e^{c_j+W_j\cdot v}\big)",
        "λ is the weight of the negative phase. Z is the sum of the numerators of all 512 pictures; with 784 pixels "
        "there would be 2⁷⁸⁴ of them.",
    )
    page.source(RBM.gradient, RBM.expectations, RBMTraining.phases)


# digits


@page.cue("It dreams of digits", "**256 hidden units.** Chains of Gibbs, free and with half a digit held.")
def show_digits() -> None:
    """A restricted Boltzmann machine of digits."""
    page.stage(digits.Dreams, digits.scene, code=digits.code, needs=digits.NEEDS)
    lesson.notice(
        "*Free*: each step draws all hidden units, then all pixels; shown is the p of ink that pixels are drawn "
        "from. Follow one chain: how soon does it come to another digit?",
        "*Given*: the same chain, but the given pixels are put back after each step. In the long run the others are "
        "drawn from p(the rest | what is given): no other network, no other training.",
        *(digits.told() if page.shown else ()),
        "*Filters*: W of one hidden unit each, grey is 0. The machine multiplies them: each unit that is on raises "
        "the odds of its dark pixels, and lowers those of its white ones.",
    )
    lesson.formula(
        "Annealed importance sampling",
        r"\hat Z=Z_A\cdot\frac1M\sum_m\prod_k"
        r"\frac{p^*_{\beta_k}(v_m^{(k-1)})}{p^*_{\beta_{k-1}}(v_m^{(k-1)})},\qquad "
        r"E_\beta=(1-\beta)\,E_A+\beta\,E,\qquad \mathbb E\,\hat Z=Z",
        "A has no weights, and its Z is known. Ẑ is right on average; so log Ẑ is on average too low, and with it "
        "−log p: a good figure wants many temperatures β.",
    )
    page.source(iterate_chains, annealed_log_z)


# deep


@page.cue("Deeper", "**A second hidden layer.** Three machines that learned for as long, dreaming from the top.")
def show_deep() -> None:
    """A deep belief network and a deep Boltzmann machine beside an RBM."""
    page.predict(
        "An RBM has learned 4,000 digits. It learns on, or gets a second hidden layer and learns on for as long. How "
        "many nats does the second layer save on a test digit, beyond what learning on does?",
        ["More than 10", "About 5", "Less than 2, if any"],
        "Less than 2, if any",
        lambda: deep.answer() if page.ready(*deep.NEEDS) else "",
    )
    page.stage(deep.Deeper, deep.scene, code=deep.code, needs=deep.NEEDS)
    lesson.notice(
        "*DBN*: an RBM on top draws h¹, and pixels are drawn from h¹, downwards only; it is trained "
        "greedily, the top on what the bottom makes of images. *DBM*: one energy for all layers, trained together; "
        "h¹ hears from above and from below.",
        *((deep.told(), deep.beyond(), deep.sures()) if page.shown else ()),
        "*Layer by layer*: h² and h¹ have no place in the plane; their units stand in a square only to be seen. The "
        "DBN's h² began as pixels: its top was the bottom turned upside down.",
    )
    lesson.formula(
        "Two ways to be deep",
        r"p_{\text{DBN}}(x,h^1)=p(x\mid h^1)\,p_{\text{top}}(h^1),\qquad "
        r"p_{\text{DBM}}(x,h^1,h^2)=\tfrac1Z\,e^{\,b\cdot x+c\cdot h^1+d\cdot h^2+x^\top Wh^1+h^{1\top}Uh^2},\qquad "
        r"\log p(x)\ge\mathbb E_q\Big[\log\frac{p(x,h)}{q(h\mid x)}\Big]",
        "q: in the DBN the bottom's p(h¹ | x), and the bound is exact while the top is the bottom upside down; in "
        "the DBM a product over all units, found by mean field.",
    )
    page.source(DBN.bound, DBNTraining.update, DBM.mean_field, DBMTraining.phases)


# memory


@page.cue("Memory", "**Three digits in one energy.** A broken one walks downhill.")
def show_memory() -> None:
    """A Hopfield net."""
    page.stage(memory.Memory, memory.scene, code=memory.code)
    lesson.notice(
        "*Dashed*: energies of what was stored. A flip changes E by −2 |input|, so the walk ends, in a valley that "
        "need not be a stored one.",
        "*A fourth digit*: Hebb's rule adds the patterns up, and they resemble each other. Read how many of the "
        "stored ones stay put, and start from one that does not.",
        "*Tossed coins* hardly resemble each other. Of such patterns Hebb's rule holds about "
        f"{CAPACITY * memory.UNITS:.0f} in {memory.UNITS} units, {100 * CAPACITY:.1f} % (Amit, "
        "Gutfreund & Sompolinsky): eight are few.",
        "*Pseudo-inverse*: W projects onto what was stored, and independent patterns stay put and are equally deep, "
        "E = −½ (N − P), however alike they are. Its price: to store one more it has to know all the others; Hebb's "
        "rule adds the new one alone.",
    )
    lesson.formula(
        "An energy for memories",
        r"E(s)=-\tfrac12\,s^\top W s,\qquad s_i\leftarrow\operatorname{sign}\Big(\sum_jW_{ij}s_j\Big),\qquad "
        r"W_{\text{Hebb}}=\frac1N\sum_\mu\xi^\mu\xi^{\mu\top},\quad "
        r"W_{\text{pseudo}}=\Xi^\top(\Xi\,\Xi^\top)^{+}\,\Xi,\quad W_{ii}=0",
        "A Boltzmann machine at temperature 0, with no hidden unit: p(s) ∝ exp(−E(s)/T) has all of its mass on the "
        "deepest valleys as T → 0.",
    )
    page.source(iterate_hopfield, store_patterns)


# gsn


@page.cue("Noise, denoise, repeat", "**A denoiser, run for ever.** Does it stay where it began?")
def show_gsn() -> None:
    """A denoising autoencoder as a Markov chain."""
    page.predict(
        "A network has learned to take noise off digits. A chain begins at a digit: noise, denoise, 100 times. How "
        "many of 20 such chains end as the digit that they began as?",
        ["All of them: what noise takes, the network gives back", "About half", "A few: it is forgotten on the way"],
        "A few: it is forgotten on the way",
        lambda: (
            f"With walk-back and ν = {gsn.TRAINED}, {gsn.kept()}. The network gives back a digit that x̃ may have "
            "come from, and now and then that is another one. Once there, nothing remembers the first."
            if page.ready(*gsn.NEEDS)
            else ""
        ),
    )
    config = page.stage(gsn.Config, gsn.scene, code=gsn.code, needs=gsn.NEEDS)
    lesson.notice(
        "*Left*: what the network makes of each noisy picture, and in the corner what a classifier takes it for. It "
        "was trained on digits alone, and may be sure of what is none.",
        *([gsn.told(config)] if page.shown else []),
        "With little noise a noisy 4 is still a 4, and to leave it the chain has to pass through what lies between "
        "digits. With much noise x̃ may have come from several, and P is a mixture of them, drawn pixel by pixel.",
        "*Plain denoising* has seen noisy digits alone. What its own chain comes to are other pictures, and it has "
        "not learned the way back from there. *Walk-back* trains on three rounds of its own chain: at each x̃ it "
        "is asked for the digit where the walk began.",
        "Such networks stand on [the page on autoencoders](autoencoder?autoencoder.cue=noise). Here one noise level "
        "is used again and again; [diffusion](diffusion?diffusion.cue=digits) goes once through many, from most to "
        "least.",
    )
    lesson.formula(
        "With the right posterior, the data stay",
        r"\tilde x\sim C(\tilde x\mid x),\quad x'\sim P(x\mid\tilde x)\propto p(x)\,C(\tilde x\mid x)\quad\Rightarrow"
        r"\quad\sum_{x,\tilde x}p(x)\,C(\tilde x\mid x)\,P(x'\mid\tilde x)=p(x')",
        "p is stationary, and with ν > 0 the chain comes to it from anywhere. Here P is a network whose pixels are "
        "independent given x̃: an approximation, with a stationary distribution of its own.",
    )
    if page.shown:
        words = {"nats": "−log P(x | x̃) of test digits, nats", "changes_30": "class changes in 100 rounds, ν = 0.3",
                 "sure_30": "the classifier's mean p"}  # fmt: skip
        lesson.figures(*gsn.NETWORKS, words=words)
    page.source(iterate_chain, corrupt, iterate_gsn, add_gradient)


page.run(
    "N. Metropolis et al. (1953), *Equation of state calculations by fast computing machines*, J. Chem. Phys. 21(6)",
    "J. Hopfield (1982), *Neural networks and physical systems with emergent collective computational abilities*",
    "D. Amit, H. Gutfreund, H. Sompolinsky (1985), *Storing infinite numbers of patterns in a spin-glass "
    "model of neural networks*",
    "D. Ackley, G. Hinton, T. Sejnowski (1985), *A learning algorithm for Boltzmann machines*",
    "P. Smolensky (1986), *Harmony theory*",
    "S. Duane et al. (1987), *Hybrid Monte Carlo*, Physics Letters B 195(2)",
    "G. Roberts, R. Tweedie (1996), *Exponential convergence of Langevin distributions and their discrete "
    "approximations*, Bernoulli 2(4)",
    "G. Hinton (2002), *Training products of experts by minimizing contrastive divergence*, Neural Computation 14(8)",
    "M. Carreira-Perpiñán, G. Hinton (2005), *On contrastive divergence learning*",
    "A. Hyvärinen (2005), *Estimation of non-normalized statistical models by score matching*, JMLR 6",
    "Y. LeCun et al. (2006), *A tutorial on energy-based learning*",
    "G. Hinton, S. Osindero, Y.-W. Teh (2006), *A fast learning algorithm for deep belief nets*, Neural Computation "
    "18(7)",
    "T. Tieleman (2008), *Training restricted Boltzmann machines using approximations to the likelihood gradient*",
    "R. Salakhutdinov, I. Murray (2008), *On the quantitative analysis of deep belief networks*",
    "R. Salakhutdinov, G. Hinton (2009), *Deep Boltzmann machines*, AISTATS",
    "R. Neal (2011), *MCMC using Hamiltonian dynamics*, arXiv:1206.1901",
    "P. Vincent (2011), *A connection between score matching and denoising autoencoders*, Neural Computation 23(7)",
    "Y. Bengio, L. Yao, G. Alain, P. Vincent (2013), *Generalized denoising auto-encoders as generative "
    "models*, arXiv:1305.6663",
    "Y. Bengio, É. Thibodeau-Laufer, G. Alain, J. Yosinski (2014), *Deep generative stochastic networks "
    "trainable by backprop*, arXiv:1306.1091",
    "Y. Song, S. Ermon (2019), *Generative modeling by estimating gradients of the data distribution*, "
    "arXiv:1907.05600",
    "A. Vehtari et al. (2021), *Rank-normalization, folding, and localization: an improved R̂*, arXiv:1903.08008",
)
