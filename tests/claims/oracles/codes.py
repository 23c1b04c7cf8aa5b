"""What the captions of the page on codes claim."""

import re

import numpy as np

from tests.claims.shown import Oracle, Shown, holds_whatever
from tests.oracles import codes_digits, codes_live, codes_toy

Match = re.Match[str]


def book(shown: Shown) -> np.ndarray:
    return np.asarray(shown.layer("codes").xy)


def places(config) -> tuple[np.ndarray, np.ndarray]:
    return np.array([config.z_1, config.z_2]), np.array([config.x_1, config.x_2])


def ends_of_the_arrow(shown: Shown) -> tuple[int, int]:
    """The words of z_e and of the end of the arrow that is drawn there."""
    arrow = shown.layer("its copy at z_e")
    z = places(shown.config)[0]
    return tuple(codes_toy.nearest(book(shown), [z, z + arrow.delta[0]]).tolist())  # type: ignore[return-value]


def cost_of(shown: Shown, k: int) -> float:
    return float(codes_toy.cost(book(shown)[k], places(shown.config)[1]))


def arrow_to_another(shown: Shown, match: Match) -> bool:
    here, there = ends_of_the_arrow(shown)
    nearer = cost_of(shown, there) < cost_of(shown, here)
    return here != there and nearer == (match["which"] == "is nearer")


def arrow_stays(shown: Shown, match: Match) -> bool:
    here, there = ends_of_the_arrow(shown)
    return here == there


def way(shown: Shown) -> tuple[np.ndarray, int, float]:
    went, words, lengths = codes_toy.way(shown.config, book(shown).tobytes())
    return went[shown.frame], int(words[shown.frame]), float(lengths[shown.frame])


def out_of_the_picture(shown: Shown, match: Match) -> bool:
    return bool(abs(way(shown)[0]).max() > 2.5) and shown.config.beta == 0


def is_best(shown: Shown) -> bool:
    costs = [cost_of(shown, k) for k in range(len(book(shown)))]
    return costs[way(shown)[1]] <= min(costs) + 1e-12


def at_rest(shown: Shown, match: Match) -> bool:
    return way(shown)[2] < 1e-3 and is_best(shown) == match["where"].startswith(", in")


def best_and_going_on(shown: Shown, match: Match) -> bool:
    return is_best(shown) and way(shown)[2] >= 1e-3


def state(shown: Shown) -> codes_live.Through:
    return codes_live.through(shown.config, int(shown.scene.steps[shown.frame]))


def first_frame(shown: Shown, match: Match) -> bool:
    usage = state(shown).state.arrays()["usage"]
    return int(shown.scene.steps[0]) == 0 and bool(np.allclose(usage, 1 / shown.config.live_codes))


def some_dead(shown: Shown, match: Match) -> bool:
    return bool(state(shown).dead.any())


def none_dead(shown: Shown, match: Match) -> bool:
    fewer = int((state(shown).state.counts > 0).sum()) < state(shown).used
    return not state(shown).dead.any() and fewer == ("minibatch" in match[0])


def swaps(shown: Shown) -> bool:
    config = shown.config
    own = codes_digits.own(config.digit)
    pairs = [pair.split(":") for pair in config.swaps.split(",") if pair]
    return any(own[int(place)] != int(code) for place, code in pairs)


def nothing_swapped(shown: Shown, match: Match) -> bool:
    x = codes_digits.digit(shown.config.digit)
    by_words = ((x - codes_digits.picture(codes_digits.own(shown.config.digit))) ** 2).sum()
    rounded = ((x - codes_digits.rounded(shown.config.digit)) ** 2).sum()
    return not swaps(shown) and (by_words < rounded) == match[0].endswith("than rounded.")


def written(shown: Shown, match: Match) -> bool:
    found = codes_digits.text(shown.config)[0]
    sure = codes_digits.classified(codes_digits.picture(found)).max() > 0.9
    return int(shown.scene.steps[shown.frame]) == 49 and sure == (match["how"] == "and")


def hardly_a_choice(shown: Shown, match: Match) -> bool:
    n = int(shown.scene.steps[shown.frame])
    log_p = codes_digits.tempered(codes_digits.text(shown.config)[1][n], shown.config.temperature)
    return float(np.exp(-(np.exp(log_p) * log_p).sum())) < 2


def given(shown: Shown, match: Match) -> bool:
    n = int(match["n"])
    own = codes_digits.own(shown.config.digit)[:n]
    return (
        shown.frame == 0
        and n == 7 * shown.config.rows
        and tuple(shown.layer("given").texts[:n]) == tuple(str(word) for word in own)
    )


ORACLES = [
    Oracle(
        r"The arrow at z_e ends in another cell, whose output (?P<which>is nearer|is no nearer) to x",
        arrow_to_another,
    ),
    Oracle(r"The arrow at z_e ends in the same cell", arrow_stays),
    Oracle(r"Out of the picture: with β = 0 nothing calls z_e back", out_of_the_picture),
    Oracle(r"At rest(?P<where>, in the cell whose output is nearest to x|, although another code's)", at_rest),
    Oracle(r"No output is nearer to x than this one\. z_e goes on", best_and_going_on),
    Oracle(r"Each step follows the copy of the gradient", holds_whatever("so the step is defined")),
    Oracle(r"The first frame: no step is taken, and all usage is set to 1/K", first_frame),
    Oracle(r"Some codes are dead", some_dead),
    Oracle(r"No code is dead(, but the minibatch uses fewer codes than all data do)?\.", none_dead),
    Oracle(r"No word is swapped: .*(than rounded|is no farther from x)\.", nothing_swapped),
    Oracle(r"Written: a new picture, (?P<how>and|of which) the classifier is", written),
    Oracle(r"The first (?P<n>\d+) words are a test digit's", given),
    Oracle(r"The next word is hardly a choice", hardly_a_choice),
    Oracle(
        r"The next word is drawn from the probabilities that the prior gives to all", holds_whatever("that is done")
    ),
]
