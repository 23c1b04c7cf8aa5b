"""Pictures that the dashboard takes of itself: their bound, the index of scenes, what is said where a tool lacks."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from dashboard import export
from dashboard.concepts import concepts
from dashboard.shell import thumbnails


def frames(noise: int, count: int = export.FRAMES) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(255 - noise, 256, (96, 144, 3), dtype=np.uint8)) for _ in range(count)]


def test_a_picture_moves_ends_on_its_last_frame_and_keeps_to_the_bound():
    shots = frames(40)
    shots[-1] = Image.new("RGB", (144, 96), (200, 30, 30))
    film = export._small(shots)
    assert len(film) <= thumbnails.MOST_BYTES
    with Image.open(io.BytesIO(film)) as seen:
        assert seen.n_frames > 1
        seen.seek(seen.n_frames - 1)
        assert np.abs(np.asarray(seen.convert("RGB"))[48, 72].astype(int) - [200, 30, 30]).max() < 25


def test_a_picture_that_cannot_be_made_small_is_refused():
    with pytest.raises(export.ExportError, match="choose a quieter panel"):
        export._small([frame.resize((700, 700)) for frame in frames(255, 4)])


def test_the_index_names_each_scene_and_its_file():
    concept = concepts()[1]
    index = export._index([(concept, "fit", "Fit <b>")])
    assert f"<a href='{concept.page}-fit.html'>Fit &lt;b&gt;</a>" in index
    assert concept.question in index


def test_without_a_browser_or_playwright_a_sentence_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setenv("CHROMIUM", "no-such-program")
    assert export.main(["thumbnails"]) == 1
    assert "No Chromium or Chrome was found; install one" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    assert export.main(["pictures"]) == 1
    assert "pip install -r requirements-dev.txt" in capsys.readouterr().err


def test_each_concept_names_a_cue_that_it_has_for_its_picture():
    for concept in concepts():
        cue, panel = concept.thumbnail
        assert not cue or cue in export.cues(concept)
        assert panel >= 0
