"""A data file that is missing or damaged is one sentence on the cues that need it; all others go on."""

import functools
import sys

import pytest

from dashboard.concepts import concepts
from genmodels.data import digits, planar
from genmodels.data.files import DataFileError
from tests.pages.controls import healthy
from tests.pages.found import cues

pytestmark = pytest.mark.slow


def forget() -> None:
    """Nothing that was read from a file, or made from it, is remembered.

    Walks the modules: what the warm-up has frozen is hidden from ``gc.get_objects``.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith(("dashboard.", "genmodels.")):
            for one in vars(module).values():
                if isinstance(one, functools._lru_cache_wrapper):
                    one.cache_clear()


@pytest.fixture(params=["missing", "damaged"])
def broken(request, tmp_path, monkeypatch):
    """What the sentence says, with both files broken."""
    for module, name in ((digits, "MNIST_FILE"), (planar, "DINO_CSV")):
        path = tmp_path / getattr(module, name).name
        if request.param == "damaged":
            path.write_bytes(b"x1,x2\n\x1f\x8b")
        monkeypatch.setattr(module, name, path)
    forget()
    yield f"is {request.param}; fetch it again (README.md beside it says how)."
    forget()


@pytest.mark.parametrize("concept", concepts(), ids=lambda concept: concept.page)
def test_every_cue_survives_and_says_what_mends_it(open_page, broken, concept):
    app = open_page(concept.page)
    for cue in cues(concept):
        app.button(key=f"{concept.page}.cue.{cue}").click().run()
        assert healthy(app), (cue, app.exception)
        for said in (*app.warning, *app.error):
            assert broken in said.value, (cue, said.value)


@pytest.mark.parametrize(
    ("page", "link"),
    [("pixels", {}), ("gan", {"gan.source": "Dinosaur"}), ("diffusion", {"diffusion.source": "Dinosaur"})],
)
def test_who_needs_the_file_says_so(open_page, broken, page, link):
    app = open_page(page, **link)
    assert healthy(app)
    assert any(broken in said.value for said in app.warning)


def test_it_is_told_as_both_kinds_of_error(broken):
    for read in (digits.load_mnist, lambda: planar.get_dataset("dino")):
        with pytest.raises(DataFileError, match="fetch it again") as told:
            read()
        assert isinstance(told.value, ValueError)
        assert isinstance(told.value, FileNotFoundError)
