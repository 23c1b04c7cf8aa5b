r"""Short sounds made by code: plucked strings, vowels and chirps, at 8,000 samples a second, and µ-law.

*Plucked string* (Karplus & Strong 1983): a burst of noise of P samples goes round a loop that averages neighbours,
y_n = b_n + ρ (y_{n−P} + y_{n−P−1})/2; it hums at rate/(P + ½) and loses its high partials first. Notes are of a
pentatonic scale.

*Vowel*: pulses at the pitch of a voice, through three resonators at the vowel's formants (Peterson & Barney 1952,
means of men).

*Chirp*: a sine whose frequency glides from one value to another, evenly in its logarithm.

All have a soft end, a largest amplitude of 0.8, and a noise of −66 dB under them, as any recording has: without it a
chirp is predictable to the last bit.

*µ-law* (ITU-T G.711) has 256 levels, finer where it is quiet: f(x) = sign(x) ln(1 + µ |x|) / ln(1 + µ), µ = 255. The
level is that of 256 equal steps of f in which f(x) lies, and stands for its middle.

Sources: Karplus & Strong (1983), *Computer Music Journal* 7(2); Peterson & Barney (1952), *J. Acoustical Society of
America* 24(2); van den Oord et al. (2016), arXiv:1609.03499, section 2.2 for µ-law.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from genmodels.checks import check_choice, check_whole

RATE = 8000
"""Samples a second."""
LEVELS = 256
MU = LEVELS - 1
NOISE = 5e-4
LOUDEST = 0.8
SCALE = (131, 147, 165, 196, 220, 262, 294, 330, 392, 440)
"""Hz: C, D, E, G, A of two octaves."""
FORMANTS = {"a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010), "o": (570, 840, 2410),
            "u": (300, 870, 2240)}  # fmt: skip
"""Hz."""
BANDWIDTHS = (80, 100, 120)
"""Hz, of the three resonators."""


def pluck(n: int, rng: np.random.Generator) -> np.ndarray:
    """A plucked string, ``(n,)``."""
    period = round(RATE / rng.choice(SCALE) - 0.5)
    burst = np.zeros(n)
    burst[:period] = rng.uniform(-1, 1, min(period, n))[:n]
    loop = np.zeros(period + 2)
    loop[0], loop[period:] = 1, -0.498
    return np.asarray(lfilter([1.0], loop, burst))


def vowel(n: int, rng: np.random.Generator) -> np.ndarray:
    """A sung vowel, ``(n,)``: its pitch is steady but for a slight vibrato."""
    pitch = rng.uniform(90, 180) * (1 + 0.01 * np.sin(2 * np.pi * 5 * np.arange(n) / RATE))
    phase = rng.uniform() + np.cumsum(pitch / RATE)
    sound = np.diff(np.floor(phase), prepend=0.0)
    sound[0] = 0
    for formant, bandwidth in zip(FORMANTS[rng.choice(sorted(FORMANTS))], BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth / RATE)
        poles = [1, -2 * radius * np.cos(2 * np.pi * formant / RATE), radius**2]
        sound = lfilter([sum(poles)], poles, sound)
    return np.asarray(sound)


def chirp(n: int, rng: np.random.Generator) -> np.ndarray:
    """A glide between two frequencies of 150 … 1,500 Hz, ``(n,)``."""
    ends = np.exp(rng.uniform(np.log(150), np.log(1500), size=2))
    frequency = ends[0] * (ends[1] / ends[0]) ** (np.arange(n) / n)
    return np.sin(2 * np.pi * (rng.uniform() + np.cumsum(frequency) / RATE))


SOUNDS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {"pluck": pluck, "vowel": vowel, "chirp": chirp}


def get_sounds(n: int, length: int, rng: np.random.Generator | int) -> tuple[np.ndarray, np.ndarray]:
    """n sounds ``(n, length)`` float64, −1 … 1, and their kinds ``(n,)`` int64; the kinds go round.

    Args:
        n: How many, 1 or more.
        length: Samples of each, 1 or more; 8,000 are a second.
        rng: Source of randomness, which advances; or a seed, 0 or more.
    """
    for name, value in (("n", n), ("length", length)):
        check_whole(name, value, at_least=1)
    rng = np.random.default_rng(rng)
    kinds = np.arange(n) % len(SOUNDS)
    return np.stack([get_sound(list(SOUNDS)[kind], length, rng) for kind in kinds]), kinds


def get_sound(kind: str, length: int, rng: np.random.Generator) -> np.ndarray:
    """One sound, ``(length,)`` float64, −1 … 1.

    Args:
        kind: One of :data:`SOUNDS`.
        length: Samples, 1 or more.
        rng: Source of randomness.
    """
    check_choice("kind", kind, SOUNDS)
    sound = SOUNDS[kind](length, rng)
    fade = np.minimum(1, np.arange(length, 0, -1) / (0.05 * RATE))
    sound = sound * fade * (LOUDEST / max(np.abs(sound).max(), 1e-9))
    return np.clip(sound + NOISE * rng.standard_normal(length), -1, 1)


def encode_mu_law(sound: np.ndarray) -> np.ndarray:
    """Levels 0 … 255, uint8, of amplitudes −1 … 1; what lies outside is clipped.

    >>> encode_mu_law(np.array([-1.0, -1e-9, 0.0, 1.0])).tolist()
    [0, 127, 128, 255]
    """
    x = np.clip(np.asarray(sound, dtype=np.float64), -1, 1)
    squeezed = np.sign(x) * np.log1p(MU * np.abs(x)) / np.log1p(MU)
    return np.minimum(np.floor((squeezed + 1) / 2 * LEVELS), MU).astype(np.uint8)


def decode_mu_law(levels: np.ndarray) -> np.ndarray:
    """Amplitudes in the middle of their levels, float64."""
    squeezed = (np.asarray(levels, dtype=np.float64) + 0.5) / LEVELS * 2 - 1
    return np.sign(squeezed) * np.expm1(np.abs(squeezed) * np.log1p(MU)) / MU
