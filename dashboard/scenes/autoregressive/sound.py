"""Sound sample by sample: which samples the next one is drawn from, and how sure the network is of it."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboard.scene import Bars, Claim, Handle, Layer, Panel, Points, Polylines, Readout, Scene, chart, said
from dashboard.scene.drag import handle
from dashboard.scene.fields import choice, placed, slider
from dashboard.scene.snippet import snippet
from genmodels.data.sounds import LEVELS, RATE, SOUNDS, decode_mu_law
from genmodels.recipes.wavenet import DRAWN, stage
from genmodels.sampling import log_softmax
from genmodels.store import cache
from genmodels.store.checkpoint import Checkpoint
from genmodels.wavenet.runtime import ForwardWaveNet, SoundConfig, iterate_sound

WEIGHTS, RECORDED = "wavenet", "wavenet-sounds"
STAGES = {
    "noise": "No network: uniform noise",
    "start": "The network, untrained",
    "early": "After 300 steps of training",
    "end": "Trained",
}
KINDS = {"pluck": "a plucked string", "vowel": "a sung vowel", "chirp": "a chirp"}
LENGTH = DRAWN["length"]
TAKES = len(DRAWN["kinds"]) // len(SOUNDS)
FRAMES = 240
LAYERS, FIELD = 10, 1024
MOST = float(np.log(LEVELS))
MS = 1000 / RATE


@dataclass(frozen=True)
class Config:
    """Who draws, what, which of the three takes, and from which sample on one looks closely."""

    stage: str = choice("Drawn by", "end", STAGES)
    kind: str = choice("Asked for", "vowel", KINDS)
    take: int = slider("Take", 1, 1, TAKES, 1)
    at: int = placed(4000, 0, LENGTH - FRAMES)

    @property
    def column(self) -> int:
        """Of the recording."""
        return list(SOUNDS).index(self.kind) * TAKES + self.take - 1


def levels(config: Config) -> np.ndarray:
    """The sound, ``(16000,)`` uint8."""
    if config.stage == "noise":
        return np.random.default_rng(config.column).integers(LEVELS, size=LENGTH, dtype=np.uint8)
    return cache.arrays(RECORDED)[config.stage][:, config.column]


def network(name: str) -> ForwardWaveNet:
    """The network at a stage of its training."""
    return cache.made(_networks, WEIGHTS)[name]


def _networks(stored: Checkpoint) -> dict[str, ForwardWaveNet]:
    return {name: ForwardWaveNet(stage(stored.arrays, name)) for name in STAGES if name != "noise"}


def log_p(config: Config) -> np.ndarray:
    """log p of each level of the samples looked at, given those before, ``(F, 256)``, nats."""
    if config.stage == "noise":
        return np.full((FRAMES, LEVELS), -MOST)
    model = network(config.stage)
    first = max(config.at - model.field, 0)  # what lies farther back does not count
    seen = levels(config)[None, first : config.at + FRAMES]
    logits = model.logits(seen, np.array([list(SOUNDS).index(config.kind)]))
    return log_softmax(logits[0, config.at - first :])


def scene(config: Config) -> Scene:
    """One sample a frame."""
    sound, told = levels(config), log_p(config)
    at = config.at + np.arange(FRAMES)
    p, entropy = np.exp(told), -(np.exp(told) * told).sum(axis=1)
    drawn = sound[at].astype(int)
    return Scene(
        panels=(_tree(config, sound, at), _whole(sound, at), _next(p, drawn)),
        steps=at,
        time="sample",
        readouts=(
            Readout("time", at * MS, "ms", 1),
            Readout("p of the level drawn", p[np.arange(FRAMES), drawn]),
            Readout("entropy of p", entropy, f"nats (of 256 equal ones {MOST:.3f})", 2),
        ),
        **said(FRAMES, *_claims(config, entropy)),
        alt="A sound of two seconds; the tree of layers through which the next sample sees the 1,024 before it; the "
        "probability of each of its 256 levels.",
        fps=15,
        handles=(Handle("look here", np.array([config.at / RATE, 0.0]), panel=1, free="x"),),
    )


def code(config: Config) -> str:
    """p of the next level, from the recorded samples before it."""
    if config.stage == "noise":
        return snippet(
            "import numpy as np",
            "from genmodels.data.sounds import decode_mu_law",
            f"levels = np.random.default_rng({config.column}).integers(256, size={LENGTH}, dtype=np.uint8)",
            f"t = {config.at + FRAMES - 1}  # the sample drawn",
            "shown = {'p of the level drawn': 1 / 256, 'p(next level)': np.full(256, 1 / 256)}",
        )
    return snippet(
        "import numpy as np",
        "from genmodels.recipes.wavenet import stage",
        "from genmodels.store.checkpoint import load",
        "from genmodels.wavenet.runtime import ForwardWaveNet",
        f"network = ForwardWaveNet(stage(load({WEIGHTS!r}).arrays, {config.stage!r}))",
        f"levels = load({RECORDED!r}).arrays[{config.stage!r}][:, {config.column}]  # a sound it has drawn",
        f"t = {config.at + FRAMES - 1}  # the sample drawn",
        "before = levels[None, max(t - network.field, 0) : t + 1]",
        f"logits = network.logits(before, np.array([{list(SOUNDS).index(config.kind)}]))[0, -1].astype(float)",
        "p = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()",
        "shown = {'p of the level drawn': p[levels[t]], 'p(next level)': p, 'entropy of p': -(p * np.log(p)).sum()}",
    )


def after_drag(config: Config, values: Mapping[str, Any]) -> Config:
    """The config after one looked elsewhere."""
    at = round(float(handle(values, "look here")[0]) * RATE)
    return replace(config, at=int(np.clip(at, 0, LENGTH - FRAMES)))


def wav(config: Config) -> bytes:
    """The sound as a file to be played."""
    return to_wav(levels(config))


def to_wav(sound: np.ndarray) -> bytes:
    """Levels ``(T,)`` as a WAV file: 8,000 samples a second, 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((32767 * decode_mu_law(sound)).round().astype("<i2").tobytes())
    return file.getvalue()


def draw_anew(kind: str, seed: int, progress: Callable[[float, str], None]) -> bytes:
    """Two more seconds by the trained network, as a WAV file; takes some seconds.

    Args:
        kind: One of :data:`KINDS`.
        seed: Of the uniform numbers.
        progress: Told the share that is done.
    """
    config = SoundConfig((list(SOUNDS).index(kind),), LENGTH, every=200, seed=seed)
    for state in iterate_sound(network("end"), config):
        progress(state.step / LENGTH, f"{state.step:,} of {LENGTH:,} samples")
    return to_wav(state.levels[0])


def sentences() -> tuple[str, ...]:
    """What a sample costs at each stage of training."""
    figures = cache.load(WEIGHTS).entry.metrics
    of_kind = {kind: figures[f"{kind}_nats"] for kind in KINDS}
    dearest, cheapest = max(of_kind, key=of_kind.__getitem__), min(of_kind, key=of_kind.__getitem__)
    return (
        f"A sample of a sound not heard before costs {figures['start_nats']:.2f} nats before training, "
        f"{figures['early_nats']:.2f} after 300 steps, {figures['test_nats']:.2f} at the end; uniform noise costs "
        f"ln 256 = {MOST:.2f}, and how often each level occurs, without a past, {figures['histogram_nats']:.2f}.",
        f"By kind, at the end: {', '.join(f'{KINDS[kind]} {nats:.2f}' for kind, nats in of_kind.items())}. Most open "
        f"is {KINDS[dearest]}, least {KINDS[cheapest]}.",
    )


def _claims(config: Config, entropy: np.ndarray) -> list[Claim | str]:
    even = float(np.exp(entropy.mean()))
    if config.stage == "noise":
        return ["Uniform noise: no sample knows of another."]
    return [
        Claim(
            f"Untrained: p is nearly flat, as wide as {even:.0f} equally probable levels of 256, and so it sounds.",
            config.stage == "start" and even > 200,
        ),
        f"Each sample is drawn from p, and then one of those that the next sees. At these {FRAMES} samples p is on "
        f"average as wide as {even:.0f} equally probable levels.",
    ]


# --- panels -------------------------------------------------------------------------------------------------


def _whole(sound: np.ndarray, at: np.ndarray) -> Panel:
    seconds = np.arange(LENGTH) / RATE
    line = np.stack([seconds, decode_mu_law(sound)], axis=1)
    start = np.maximum(at - FIELD, 0) / RATE
    corners = np.stack([start, at / RATE, at / RATE, start], axis=1)
    window = np.stack([corners, np.broadcast_to([-1.0, -1.0, 1.0, 1.0], corners.shape)], axis=2)
    layers = (
        Polylines(name="sound", xy=line[None], colour="model", width=1),
        Polylines(name="what the next sample sees", xy=window[:, None], closed=True, filled=True, colour="truth"),
    )
    return chart("Two seconds", layers, (0, LENGTH / RATE), (-1, 1), x_label="seconds", y_label="amplitude", share=1)


def edges(n_layers: int) -> tuple[np.ndarray, np.ndarray]:
    """The tree of dilated layers with two taps, over the samples before the one that is drawn.

    Args:
        n_layers: L ≥ 1; layer l joins what is 2^(l−1) samples apart.

    Returns:
        Its edges ``(2^(L+1) − 2, 2, 2)``, from (samples ago, layer) down to (samples ago, layer), the first sample 1
        ago; and the layer above each edge.
    """
    layers = range(1, n_layers + 1)
    found = [
        ((ago, layer), (ago + further, layer - 1))
        for layer in layers
        for ago in range(1, 2**n_layers, 2**layer)
        for further in (0, 2 ** (layer - 1))
    ]
    array = np.array(found, dtype=float)
    return array, array[:, 0, 1]


def _tree(config: Config, sound: np.ndarray, at: np.ndarray) -> Panel:
    ago = np.arange(FIELD, 0, -1)
    index = at[:, None] - ago
    heard = np.where(index >= 0, decode_mu_law(sound)[np.maximum(index, 0)], np.nan)
    past = np.stack([np.broadcast_to(-ago * MS, heard.shape), 2 * heard - 2.2], axis=2)
    layers: list[Layer] = [
        Polylines(name="the samples before", xy=past[:, None].astype(np.float32), colour="data", width=1.5)
    ]
    if config.stage != "noise":
        lines, above = edges(LAYERS)
        lines = lines * np.array([-MS, 1.0])
        fine = above <= 4  # hundreds of lines, drawn as one
        weight = above[~fine] / LAYERS
        layers += [
            Polylines(name="", xy=lines[fine], colour="model", width=0.7, alpha=0.5),
            Polylines(name="layers", key="l", xy=lines[~fine], weight=weight, colour="model", width=1),
            Points(name="next sample", xy=np.array([[-MS, float(LAYERS)]]), radius=6, colour="model"),
        ]
    if at[0] < FIELD:
        layers.append(_before_the_beginning(at))
    return Panel(
        "What the next sample is drawn from",
        tuple(layers),
        (-FIELD * MS, 1.0),
        (-4, LAYERS + 0.6),
        equal=False,
        x_label="ms before",
        y_names=("samples", *("" if k % 2 else f"layer {k}" for k in range(1, LAYERS + 1))),
        share=1.4,
    )


def _before_the_beginning(at: np.ndarray) -> Polylines:
    """Where there is no sound yet; NaN once the next sample sees none of it."""
    ends = np.where(at < FIELD, -(at + 0.5) * MS, np.nan)
    start = np.full(len(at), -FIELD * MS)
    corners = np.stack([start, ends, ends, start], axis=1)
    heights = np.broadcast_to([-4.0, -4.0, LAYERS + 0.6, LAYERS + 0.6], corners.shape)
    xy = np.stack([corners, heights], axis=2)[:, None]
    return Polylines(name="before the beginning", xy=xy, closed=True, filled=True, colour="muted")


def _next(p: np.ndarray, drawn: np.ndarray) -> Panel:
    bars = Bars(name="p(next level)", height=p, width=1, colour="model")
    top = p[np.arange(len(p)), drawn]
    dot = Points(name="drawn", xy=np.stack([drawn, top], axis=1)[:, None], colour="data", radius=6)
    return chart(
        "p(next level)",
        (bars, dot),
        (-0.5, LEVELS - 0.5),
        (0, 1.08 * float(p.max())),
        x_label="µ-law level",
        share=1,
    )
