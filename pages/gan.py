"""GANs: a forger and a detective."""

import functools

import streamlit as st

from dashboard import lesson
from dashboard.lesson import checkpoints as rebuild
from dashboard.lesson import controls
from dashboard.player import last_readouts, play, train
from dashboard.scenes.gan import ab, digits, live, modes, onedim
from dashboard.scenes.gan.setup import BOARD, TITLES, Config

PAGE = "gan"
KEY = f"{PAGE}.player"
MOVES = {"One D step": "discriminator", "One G step": "generator", "One of both": "both"}
LOSSES = {"non-saturating": "Non-saturating", "minimax": "Minimax (2014)", "least-squares": "Least squares",
          "hinge": "Hinge", "wasserstein-gp": "Wasserstein, gradient penalty"}  # fmt: skip
NOISE = {"16": "16, Gaussian", "2": "2, Gaussian", "2u": "2, uniform", "2s": "2, on a circle", "1": "1, Gaussian"}
DECAY = {"linear": "in the second half", "cosine": "along a cosine", "none": "never"}
REPAIRS: dict[str, tuple[str, dict[str, object]]] = {
    "packing": ("Packing: D sees two at once", {"packing": 2}),
    "r1": ("R1: a penalty on D's slope", {"r1": 0.1}),
    "noise": ("Instance noise", {"instance_noise": 0.3}),
    "decay": ("Learning rates that decay", {"decay": "linear"}),
    "equal": ("G learns no faster than D", {"g_steps": 1}),
}
show = functools.partial(train, key=KEY, moves=MOVES, focus=lesson.focus_token())


def data(start: str = "ring8") -> dict:
    """Where the real points come from."""
    source = controls.choice(PAGE, "source", "Data", TITLES, start)
    return {
        "source": source,
        "painted": controls.painted(PAGE, "painted", BOARD, BOARD) if source == "painted" else "",
        "csv": controls.csv_points(PAGE) if source == "csv" else (),
    }


def rate(name: str, label: str, default: float) -> float:
    """A learning rate on a logarithmic axis."""
    return 10.0 ** controls.slider(PAGE, name, f"log₁₀ learning rate of {label}", -5.0, 1.0, default, 0.1)


def recipe(seed: int, start: dict) -> Config:
    """All controls of a GAN, with the cue's own start; the rare ones are folded away."""
    where = data(start["source"])
    loss = controls.choice(PAGE, "loss", "Loss", LOSSES, "non-saturating")
    noise = controls.choice(PAGE, "noise", "Noise z", NOISE, start["noise"])
    rates = {"g_learning_rate": rate("g_rate", "G", -2.7), "d_learning_rate": rate("d_rate", "D", -2.7)}
    with st.expander("More"):
        rest = rates | {
            "loss": loss,
            "n_noise": int(noise.rstrip("us")),
            "noise": {"u": "uniform", "s": "sphere"}.get(noise[-1], "gaussian"),
            "decay": controls.choice(PAGE, "decay", "Learning rates fall", DECAY, "linear"),
            "optimiser": controls.choice(PAGE, "optimiser", "Optimiser", {"adam": "Adam", "sgd": "SGD"}, "adam"),
            "d_steps": controls.slider(PAGE, "d_steps", "D's updates in a step", 1, 5, 1, 1),
            "g_steps": controls.slider(PAGE, "g_steps", "G's updates in a step", 1, 5, 1, 1),
            "r1": controls.slider(PAGE, "r1", "R1 penalty γ", 0.0, 2.0, 0.1, 0.05),
            "instance_noise": controls.slider(PAGE, "blur", "Instance noise", 0.0, 1.0, 0.0, 0.05),
            "packing": controls.slider(PAGE, "packing", "Points that D sees at once", 1, 4, 1, 1),
            "average": controls.slider(PAGE, "average", "Average of G's weights", 0.0, 0.999, 0.0, 0.001,
                                       format="%.3f"),
            "n_steps": controls.slider(PAGE, "steps", "Steps in all", 200, 8_000, start["steps"], 200),
        }  # fmt: skip
        batch = controls.slider(PAGE, "batch", "Batch", 4, 512, start["batch"], 4)
        rest["batch"] = max(batch // rest["packing"], 1) * rest["packing"]
        shape = {
            "g_layers": controls.slider(PAGE, "g_layers", "G's hidden layers", 0, 4, 2, 1),
            "d_layers": controls.slider(PAGE, "d_layers", "D's hidden layers", 0, 4, 2, 1),
            "width": controls.slider(PAGE, "width", "Their width", 4, 256, 128, 4),
        }
        stop = controls.switch(PAGE, "stop", "Stop when all modes are held")
    device = st.session_state["_shell"].device
    return Config(**where, rest=tuple(rest.items()), stop=stop, seed=seed, device=device, **shape)


def stage(seed: int, start: dict, slow: bool = False) -> None:
    """Controls on the left, the run on the right."""
    lesson.beside(lambda: recipe(seed, start), functools.partial(show, live.train, slow=slow, check=live.check))


def show_first(seed: int) -> None:
    """In slow motion."""
    stage(seed, FIRST, slow=True)
    lesson.notice(
        "**One D step**: D looks at real and generated points. Press **D** to see what it says: warm is “real”.",
        "**One G step**: press **P** for where D pulls each point, **W** for where it went. These differ: all points "
        "share G's weights.",
        "Leave *slow motion* when the class has seen enough; scrub back at any time, **LIVE** returns.",
    )
    lesson.formula(
        "The game",
        r"\min_G\max_D\ V=\mathbb E_{x\sim p}\log D(x)+\mathbb E_z\log\big(1-D(G(z))\big)",
        "The non-saturating G climbs log D(G(z)) instead: a stronger pull while it is losing.",
    )
    lesson.predict(
        PAGE,
        "What will D look like when G is perfect?",
        ["1 at the data, 0 elsewhere", "½ everywhere", "0 everywhere"],
        "½ everywhere",
        "Against a fixed G the best D is p ÷ (p + q). With q = p that is ½ wherever there is anything.",
    )
    sources()


def show_one(seed: int) -> None:
    """p, q and D as curves."""
    with lesson.beside_controls() as (left, right):
        with left:
            truth = controls.choice(PAGE, "truth", "Data", onedim.TRUTHS, "one")
            rates = (rate("g_rate_1", "G", -3.0), rate("d_rate_1", "D", -3.0))
            d_steps = controls.slider(PAGE, "d_steps_1", "D's updates in a step", 1, 10, 1, 1)
            config = onedim.Config(truth, *rates, d_steps, seed)
        with right:
            show(onedim.train, config)
    lesson.notice(
        "*Threads*: evenly spaced noise below, where G sends it above. Dense threads make a high q.",
        "D rises where data are, falls where G is. G follows D's slope. At the end D is flat at ½.",
        "**B**: the best D for this G. More updates of D in a step bring D nearer to it.",
        "Then the value of the game is 2 JS(p ‖ q) − 2 log 2: the readouts stand side by side.",
    )
    sources()


def show_ring(seed: int) -> None:
    """Eight modes."""
    stage(seed, FRESH)
    lesson.notice(
        "*High quality*: within 3 σ of a mode; true samples have 98.9 %. **M** draws the circles.",
        "*Reverse KL*: how unevenly the modes are served, 0 for evenly; true samples have about 0.001.",
        "The losses say little: neither falls while everything improves. That is a game, not a descent.",
        "Try a learning rate of 10, no hidden layer, a circle of noise: break it, then scrub back to where it broke.",
    )
    lesson.challenge(
        PAGE,
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
    numbers = last_readouts(KEY)
    steps = st.session_state.get(f"{PAGE}.steps", 4_000)
    held = numbers.get("modes of 8", 0) == 8 and steps <= 1_500
    return 100 - numbers["high quality"] if held else 100.0


def show_collapse(seed: int) -> None:
    """Made on purpose, then repaired."""
    with lesson.beside_controls() as (left, right):
        with left:
            names = {key: title for key, (title, _) in REPAIRS.items()}
            repair = controls.choice(PAGE, "repair", "What is different in B", names, "packing")
            where = data()
        with right:
            left_side = Config(**where, width=ab.WIDTH, rest=tuple(ab.COLLAPSING.items()), seed=seed)
            title, other = REPAIRS[repair]
            pair = ab.Pair(left_side, tuple(other.items()), ("made to collapse", title))
            show(ab.train, pair, check=ab.check)
    lesson.notice(
        "A: three steps of the forger for one of the detective. G runs to the one place that D likes best; D turns "
        "against it, too late; G runs on. One mode at a time.",
        "What D rejects, G leaves; all points share G's weights, so they leave together: *mode collapse*.",
        "B starts from the same seed, with the same noise and data, and differs in one thing.",
        "**Packing** brings all eight back (D sees two points at once, and notices that they are alike), and so does "
        "an equal pace. R1, noise and decay alone do not cure *this* collapse: try them, and other seeds.",
    )
    sources()


def show_modes(seed: int) -> None:
    """Trained long, or live."""
    with lesson.beside_controls() as (left, right):
        with left:
            where = controls.choice(PAGE, "modes", "Trained", modes.WHICH | {"live": "Twenty-five, live"}, "gan-grid")
            config = recipe(seed, GRID) if where == "live" else None
        with right:
            if config:
                show(live.train, config, check=live.check)
            elif rebuild.ready(PAGE, where):
                play(modes.scene, modes.Config(where), key=KEY, focus=lesson.focus_token())
    lesson.notice(
        "Twenty-five modes are a test of memory: a GAN sees one minibatch at a time.",
        "Quality waits for the learning rate to fall: as long as it is large, G circles around each mode.",
        "*Live*: how far does it get while you talk?",
    )
    if where != "live" and rebuild.ready(PAGE, *(name for name in modes.WHICH if name != where)):
        rebuild.figures(*modes.WHICH, words={"modes": "modes held", "high_quality": "high quality (share)",
                        "reverse_kl_nats": "reverse KL, nats"})  # fmt: skip
        st.caption("2,500 samples from fresh noise; true samples have 98.9 % high quality.")


def show_digits(seed: int) -> None:
    """From the store."""
    with lesson.beside_controls() as (left, right):
        with left:
            what = controls.choice(PAGE, "digits", "Show", digits.WHAT, "epochs")
        with right:
            if rebuild.ready(PAGE, digits.NAME):
                play(digits.scene, digits.Config(what, seed), key=KEY, focus=lesson.focus_token())
    lesson.notice(
        "Nobody told it what a digit is, and no picture was ever compared with another pixel by pixel.",
        "It likes some classes better than others: a mild kind of mode collapse. Read the bars.",
        "*Walk*: along a great circle, because Gaussian noise in 32 dimensions lies near a sphere.",
    )


def show_ab(seed: int) -> None:
    """Two recipes."""
    with lesson.beside_controls() as (left, right):
        with left:
            config = recipe(seed, FRESH)
            what = controls.choice(PAGE, "b_what", "What is different in B", ab.CHANGES, "loss")
            other = ab_value(what)
        with right:
            pair = ab.Pair(config, ((what, other),), ("your recipe", f"{ab.CHANGES[what].lower()}: {other:}"))
            show(ab.train, pair, check=ab.check)
    lesson.notice(
        "Same seed, same noise, same data; one control different. Both are stepped in turn by one run.",
        "One run is one seed: before you believe a difference, change the seed and look again.",
    )


def ab_value(what: str) -> object:
    """The other value of the control that is different."""
    if what == "loss":
        return controls.choice(PAGE, "b_loss", "Loss of B", LOSSES, "wasserstein-gp")
    if what == "decay":
        return controls.choice(PAGE, "b_decay", "Learning rates of B fall", DECAY, "none")
    if what == "n_noise":
        return controls.slider(PAGE, "b_noise", "Dimensions of B's noise", 1, 32, 2, 1)
    return controls.slider(PAGE, "b_r1", "R1 penalty γ of B", 0.0, 2.0, 0.5, 0.05)


def sources() -> None:
    """The code of a step."""
    lesson.source(*live.steps())


FRESH = {
    "source": "ring8", "loss": "non-saturating", "noise": "2", "g_rate": -2.7, "d_rate": -2.7, "decay": "linear",
    "optimiser": "adam", "d_steps": 1, "g_steps": 1, "r1": 0.1, "blur": 0.0, "packing": 1, "average": 0.0,
    "steps": 4_000, "batch": 128, "g_layers": 2, "d_layers": 2, "width": 128, "stop": False,
}  # fmt: skip
FIRST = FRESH | {"source": "ffjord8"}
GRID = FRESH | {"source": "grid25", "noise": "16", "batch": 256, "steps": 7_000}
CUES = {
    "first": lesson.Cue(
        "First steps", "**In slow motion.** The detective looks, the forger follows.", show_first,
        FIRST,
    ),
    "one": lesson.Cue(
        "In one dimension", "**p, q and D as curves.** Watch the threads.", show_one,
        {"truth": "one", "g_rate_1": -3.0, "d_rate_1": -3.0, "d_steps_1": 1},
    ),
    "ring": lesson.Cue("A ring of eight", "**Eight modes.** Are all of them found?", show_ring, FRESH),
    "collapse": lesson.Cue(
        "Mode collapse", "**Made on purpose, then repaired.** Same seed, one thing different.", show_collapse,
        {"source": "ring8", "repair": "packing"},
    ),
    "modes": lesson.Cue(
        "Twenty-five modes", "**Trained long.** Are all of them found, and how well?", show_modes,
        GRID | {"modes": "gan-grid"},
    ),
    "digits": lesson.Cue("Digits", "**Forged digits.** 200 epochs, and a walk.", show_digits, {"digits": "epochs"}),
    "ab": lesson.Cue("A/B", "**Two recipes, one seed.** Which one wins, and is it luck?", show_ab, FRESH),
}  # fmt: skip

lesson.question("Can a forger and a detective teach each other?")
lesson.cues(PAGE, CUES).show(st.session_state["_shell"].seed)
lesson.references(
    "I. Goodfellow et al. (2014), *Generative adversarial nets*.",
    "X. Mao et al. (2017), *Least squares GANs*. I. Gulrajani et al. (2017), *Improved training of Wasserstein "
    "GANs*.",
    "L. Mescheder, A. Geiger & S. Nowozin (2018), *Which training methods for GANs do actually converge?*: R1.",
    "Z. Lin, A. Khetan, G. Fanti & S. Oh (2018), *PacGAN*: packing, and how modes and quality are counted.",
    "M. Kahng et al. (2019), *GAN Lab*.",
)
