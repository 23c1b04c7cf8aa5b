"""Energy: p(x) up to a constant."""

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.energy import CONCEPT, count, digits, memory
from genmodels.hopfield import CAPACITY, iterate_hopfield, store_patterns
from genmodels.rbm.ais import annealed_log_z
from genmodels.rbm.chains import iterate_chains
from genmodels.rbm.model import RBM
from genmodels.rbm.training import RBMTraining

page = Page(CONCEPT)

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


page.run(
    "J. Hopfield (1982), *Neural networks and physical systems with emergent collective computational abilities*",
    "D. Amit, H. Gutfreund, H. Sompolinsky (1985), *Storing infinite numbers of patterns in a spin-glass model of "
    "neural networks*",
    "D. Ackley, G. Hinton, T. Sejnowski (1985), *A learning algorithm for Boltzmann machines*",
    "P. Smolensky (1986), *Harmony theory*",
    "G. Hinton (2002), *Training products of experts by minimizing contrastive divergence*",
    "M. Carreira-Perpiñán, G. Hinton (2005), *On contrastive divergence learning*",
    "T. Tieleman (2008), *Training restricted Boltzmann machines using approximations to the likelihood gradient*",
    "R. Salakhutdinov, I. Murray (2008), *On the quantitative analysis of deep belief networks*",
)
