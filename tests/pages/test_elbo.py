"""The page of bounds under AppTest."""

import pytest

from dashboard.scenes.elbo import held, raising
from tests.pages.controls import healthy, shown_config, shown_run
from tests.scenes.test_elbo_bound import best_by_hand


def held_at(config: raising.Raise) -> dict[str, str]:
    """As a link says it."""
    names = ("held_1", "held_2", "held_a", "held_b", "held_tilt")
    return {f"elbo.{name}": str(getattr(config, name)) for name in names} | {"elbo.cue": "raise"}


@pytest.mark.parametrize("solved", [False, True])
@pytest.mark.parametrize("x", held.XS)
def test_the_challenge_checks_itself(open_page, x, solved):
    config = best_by_hand(x) if solved else raising.Raise(x)
    app = open_page("elbo", **held_at(config), **{"elbo.held_x": held.TITLES[x]})
    app.button(key="elbo.challenge.check").click().run()
    assert healthy(app)
    assert shown_config(app, "elbo") == config
    assert bool(app.success) == solved
    told = (app.success or app.info)[0].value
    assert f"= {raising.short_of_best(config):.3f} nats" in told


def test_what_is_held_stays_from_cue_to_cue(open_page):
    """Raise the bound, and then see its parts."""
    config = raising.Raise(held_1=-0.4, held_a=0.5)
    one, other = (open_page("elbo", **(held_at(config) | {"elbo.cue": cue})) for cue in ("raise", "three_ways"))
    bounds = [shown_run(app, "elbo").last_readouts()["ELBO"] for app in (one, other)]
    assert bounds[0] == bounds[1]


def test_a_q_beyond_the_picture_is_ignored_with_a_note(open_page):
    app = open_page("elbo", **{"elbo.cue": "raise", "elbo.held_1": "9", "elbo.held_a": "nan"})
    assert healthy(app)
    assert "elbo.held_1=9" in app.info[0].value
    assert shown_config(app, "elbo") == raising.Raise()
