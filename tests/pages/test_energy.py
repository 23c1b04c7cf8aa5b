"""The page on energies under AppTest."""

import pytest

from dashboard.scenes.energy import walkers
from tests.pages.controls import healthy, shown_config, shown_run


def test_the_first_cue_raises_a_well(open_page):
    app = open_page("energy")
    assert healthy(app)
    assert not app.warning
    assert shown_run(app, "energy").last_readouts()["p(x), times as before"] > 1.3


@pytest.mark.parametrize("solved", [False, True])
def test_the_challenge_checks_itself(open_page, solved):
    app = open_page("energy", **{"energy.cue": "walkers"} | ({"energy.walk_step": "0.2"} if solved else {}))
    app.button(key="energy.challenge.check").click().run()
    assert healthy(app)
    assert bool(app.success) == solved
    told = (app.success or app.info)[0].value
    assert f"= {walkers.off(shown_config(app, 'energy')):.3f} √length" in told


def test_leapfrog_steps_are_asked_for_only_by_hmc(open_page):
    app = open_page("energy", **{"energy.cue": "walkers"})
    assert "energy.leapfrogs" not in {slider.key for slider in app.slider}
    app.selectbox(key="energy.against").set_value("hmc").run()
    assert "energy.leapfrogs" in {slider.key for slider in app.slider}
    assert healthy(app)


@pytest.mark.parametrize("source", ["Two moons", "Eight Gaussians"])
def test_the_bridge_leads_to_the_same_data_seed_and_noise(open_page, source):
    app = open_page("energy", **{"energy.cue": "score", "energy.source": source, "seed": "4"})
    text = next(block.value for block in app.markdown if "diffusion?" in block.value)
    link = dict(part.split("=") for part in text.split("diffusion?")[1].split(")")[0].split("&"))
    there = open_page("diffusion", **{name: value.replace("%20", " ") for name, value in link.items()})
    assert healthy(there)
    assert not [note for note in there.info if "link asks" in note.value]
    config = shown_config(there, "diffusion")
    assert (config.source, config.seed) == (shown_config(app, "energy").source, 4)
