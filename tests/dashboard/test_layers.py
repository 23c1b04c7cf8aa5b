"""Imports go down only; the first pictures do not wait for torch."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_imports_go_down_only():
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_in_dashboard_bears_the_name_of_another_module(tmp_path):
    names = {p.stem for p in (ROOT / "dashboard").iterdir() if p.suffix == ".py" or p.is_dir()} - {"__pycache__"}
    names -= {"__init__"}
    assert not names & set(sys.stdlib_module_names)
    code = f"import importlib.util as u; print([n for n in {sorted(names)!r} if u.find_spec(n)])"
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


PAGES_WITHOUT_TORCH = ("gaussian", "mixture", "boundaries", "pixels", "autoencoder", "vae", "gan", "diffusion")
TRAINS = (
    "vae.cue.live", "diffusion.cue.live", *(f"gan.cue.{cue}" for cue in ("first", "one", "ring", "collapse", "ab")),
)  # fmt: skip
STARTS = {"gan": "modes"}  # where the first cue trains


def test_first_pictures_do_not_import_torch():
    code = f"""
import os, sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(os.path.abspath("dashboard/main.py"), default_timeout=30).run()
for page in {PAGES_WITHOUT_TORCH}:
    if page in {STARTS}:
        app.query_params[f"{{page}}.cue"] = {STARTS}[page]
    app.switch_page(f"../pages/{{page}}.py").run()
    assert not app.exception, app.exception
    assert page != "gaussian" or "sklearn" not in sys.modules
    for cue in [b.key for b in app.button if b.key.startswith(f"{{page}}.cue.") and b.key not in {TRAINS}]:
        app.button(key=cue).click().run()
        assert not app.exception, (cue, app.exception)
        assert "torch" not in sys.modules, cue
"""
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert out.returncode == 0, out.stderr
