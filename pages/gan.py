"""GANs: a forger and a detective."""

import streamlit as st

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.player import last_readouts
from dashboard.scenes.gan import CONCEPT, ab, digits, live, modes, onedim
from dashboard.scenes.gan.setup import Config

MOVES = {"One D step": "discriminator", "One G step": "generator", "One of both": "both"}
page = Page(CONCEPT)


@page.cue("First steps", "**In slow motion.** The detective looks, the forger follows.", source="ffjord8")
def show_first() -> None:
    """In slow motion."""
    page.predict(
        "What will D look like when G is perfect?",
        ["1 at the data, 0 elsewhere", "½ everywhere", "0 everywhere"],
        "½ everywhere",
        "Against a fixed G the best D is p ÷ (p + q). With q = p that is ½ wherever there is anything.",
    )
    page.stage(Config, live.scenes, code=live.code, moves=MOVES, check=live.check, slow=True)
    lesson.notice(
        "**One D step**: D looks at real and generated points. Press **D** to see what it says: warm is “real”.",
        "**One G step**: press **P** for where D pulls each point, **W** for where it went. These differ: all points "
        "share G's weights.",
        "Leave *slow motion* when the class has seen enough; scrub back at any time, **LIVE** returns.",
    )
    lesson.formula(
        "The game",
        r"\min_G\max_D\ V=\mathbb E_{x\sim p}\log D(x)+\mathbb E_z\log\big(1-D(G(z))\big)",
        "The non-saturating G maximises log D(G(z)) instead: a stronger gradient while D rejects its points.",
    )
    sources()


@page.cue("In one dimension", "**p, q and D as curves.** How does G warp the noise?")
def show_one() -> None:
    """p, q and D as curves."""
    page.stage(onedim.Config, onedim.scenes, code=onedim.code, moves=MOVES)
    lesson.notice(
        "*Threads*: evenly spaced noise below, where G sends it above. Dense threads make a high q.",
        "D is trained to be high where there are more data than generated points. G follows D's slope. Once q = p, "
        "the best D is ½ wherever there is anything.",
        "**B**: the best D for this G. The more often D is updated in a step, the nearer it can come to it.",
        "V, the value of the game, belongs to the D and the G of the same frame; 2 JS(p ‖ q) − 2 log 2 is the "
        "highest that any D could make it.",
    )
    sources()


@page.cue("A ring of eight", "**Eight modes.** Are all of them found?")
def show_ring() -> None:
    """Eight modes."""
    page.stage(Config, live.scenes, code=live.code, moves=MOVES, check=live.check)
    lesson.notice(
        "*High quality*: within 3 σ of a mode; true samples have 98.9 % where the modes lie far apart (dashed). "
        "**M** draws the circles.",
        "*Reverse KL*: how unevenly the modes are served, 0 for evenly; for n true samples of K modes it is about "
        "(K − 1) ÷ 2n, here 0.0014 (n = 2,500).",
        "The losses, those of the minibatch before its update, say little about quality: each depends on how good "
        "the other player is. *Wasserstein* is the exception: minus D's loss, without its penalty, estimates a "
        "multiple of the W₁ distance. Dashed: each loss where D is ½ everywhere (2 log 2 for D; log 2, or −log 2 in "
        "the minimax game, for G).",
        "Try a learning rate of 10, no hidden layer, a circle of noise: break it, then scrub back to where it broke.",
    )
    page.challenge(
        "fast and faithful",
        "Find a recipe that holds all 8 modes with 90 % quality within 1,500 steps (*More*: steps in all).",
        "what is missing to 100 % quality (100 if a mode is missing or the steps are too many)",
        missing,
        10,
        "%",
    )
    sources()


def missing() -> float:
    """The challenge's score, from the newest frame of the run."""
    numbers = last_readouts(page.player)
    steps = st.session_state.get(f"{page.name}.steps", 4_000)
    held = numbers.get("modes of 8", 0) == 8 and steps <= 1_500
    return 100 - numbers["high quality"] if held else 100.0


@page.cue("Mode collapse", "**Made on purpose, then repaired.** Same seed, one difference.")
def show_collapse() -> None:
    """Made on purpose, then repaired."""
    page.stage(lambda: page.choose(ab.Repair).pair(), ab.scenes, code=ab.code, moves=MOVES, check=ab.check)
    lesson.notice(
        "A: three steps of the forger for one of the detective. G runs to the one place that D likes best; D turns "
        "against it, too late; G runs on.",
        "What D rejects, G leaves; all points share G's weights, so they leave together: *mode collapse*.",
        "B starts from the same seed, with the same noise and data, and differs in one thing.",
        "With seeds 0, 1 and 2 **packing** brings all eight back (D sees two points at once, and notices that they "
        "are alike), and so does an equal pace; R1, noise and decay alone do not. Try them, and other seeds.",
    )
    sources()


@page.cue(
    "Twenty-five modes",
    "**Trained long.** Are all of them found, and how well?",
    source="grid25",
    noise="16",
    batch=256,
    steps=7_000,
)
def show_modes() -> None:
    """Trained long, or live."""
    with lesson.beside() as (left, right):
        with left:
            stored = page.choose(modes.Config)
            config = page.choose(Config) if stored.modes == "live" else None
        with right:
            if config:
                page.show(live.scenes, config, code=live.code, moves=MOVES, check=live.check)
            else:
                page.show(modes.scene, stored, code=modes.code, needs=(stored.modes,))
    lesson.notice(
        "Twenty-five modes are a test of memory: a GAN sees one minibatch at a time.",
        *([] if config or not page.shown else [modes.story(stored.modes)]),
        "*Live*: how far does it get while you talk?",
    )
    if not config and page.shown and page.ready(*(name for name in modes.WHICH if name != stored.modes)):
        lesson.figures(*modes.WHICH, words={"modes": "modes held", "high_quality": "high quality (share)",
                        "reverse_kl_nats": "reverse KL, nats"})  # fmt: skip
        st.caption("2,500 samples from fresh noise; true samples have 98.9 % high quality.")
        lesson.recorded("the first frame and the last")


@page.cue("Digits", "**Forged digits.** 200 epochs, and a walk.")
def show_digits() -> None:
    """From the store."""
    page.stage(digits.Config, digits.scene, code=digits.code, needs=(digits.NAME,))
    lesson.notice(
        "It was told no class, and no picture was compared with another pixel by pixel.",
        *([f"It draws some classes more often than others: at the end {digits.shares()}."] if page.shown else []),
        "*Walk*: along a great circle, because Gaussian noise in 32 dimensions lies near a sphere.",
    )
    if page.shown:
        lesson.recorded("the first frame and the last")


@page.cue("A/B", "**Two recipes, one seed.** Which one wins, and is it luck?")
def show_ab() -> None:
    """Two recipes."""

    def choose() -> ab.Versus:
        config = page.choose(Config)
        return page.choose(ab.Change).pair(config)

    page.stage(choose, ab.scenes, code=ab.code, moves=MOVES, check=ab.check)
    lesson.notice(
        "Same seed, same noise, same data; one control different. Both are stepped in turn by one run.",
        "One run is one seed: before you believe a difference, change the seed and look again.",
    )


def sources() -> None:
    """The code of a step."""
    page.source(*live.steps())


page.run(
    "I. Goodfellow et al. (2014), *Generative adversarial nets*.",
    "X. Mao et al. (2017), *Least squares GANs*. I. Gulrajani et al. (2017), *Improved training of Wasserstein "
    "GANs*.",
    "L. Mescheder, A. Geiger & S. Nowozin (2018), *Which training methods for GANs do actually converge?*: R1.",
    "Z. Lin, A. Khetan, G. Fanti & S. Oh (2018), *PacGAN*: packing, and how modes and quality are counted.",
    "M. Kahng et al. (2019), *GAN Lab*.",
)
