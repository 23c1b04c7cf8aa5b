"""No cue's first picture waits for torch, unless it is a training that one watches."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages.found import EVERY_CUE, PAGES

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import os, sys
from streamlit.testing.v1 import AppTest
from dashboard import player, runs
import dashboard.lesson

def opened(page, cue):
    app = AppTest.from_file(os.path.abspath("dashboard/main.py"), default_timeout=30)
    app.query_params[f"{page}.cue"] = cue
    app.run()
    app.switch_page(f"../pages/{page}.py").run()
    assert not app.exception, (cue, app.exception)
    assert page != "gaussian" or "sklearn" not in sys.modules, cue
    run = runs.registry.get(app.session_state["_runs"][f"{page}.player"][1])
    assert run.live or "torch" not in sys.modules, f"{page}, {cue} imports torch before its first picture"

AppTest.from_file(os.path.abspath("dashboard/main.py"), default_timeout=30).run()  # what Streamlit itself imports
for page, cue in CUES:
    child = os.fork()  # what one cue imports, the next one has not
    if not child:
        try:
            opened(page, cue)
        except BaseException as why:
            print(why, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, (page, cue)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process of its own for each cue is made by fork")
@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_first_pictures_do_not_wait_for_torch(page):
    cues = [one for one in EVERY_CUE if one[0] == page]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    out = subprocess.run(
        [sys.executable, "-c", f"CUES = {cues}\n{CODE}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == 0, out.stderr
