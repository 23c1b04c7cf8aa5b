"""Links and what they showed when they were recorded: controls, first frame, readouts.

    python -m tests.pages.recorded_links 18 21      # these again, where a change was wanted; else all

A refactoring must leave them all as they are. Arrays are kept as a sample of at most ``SAMPLE`` evenly spaced values,
with their shape and their norm; the links of every page, every cue, of controls at both ends and of painted data.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import zlib
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
FILE = Path(__file__).with_name("recorded_links.safetensors")
SAMPLE = 96
CLOCKS = (" took",)  # readouts that no two runs have alike
WIDGETS = ("slider", "selectbox", "toggle", "number_input")


def show(link: dict[str, str]) -> AppTest:
    """The page that a link opens; its name stands under ``page``."""
    app = AppTest.from_file(ROOT / "dashboard" / "main.py", default_timeout=60)
    app.query_params.update({name: value for name, value in link.items() if name != "page"})
    app.run()
    page = link["page"]
    return app if page == "map" else app.switch_page(f"../pages/{page}.py").run()


def controls(app: AppTest) -> dict[str, Any]:
    """Value of each control, by its kind and key; those of lectures are no page's."""
    return {f"{kind} {w.key}": w.value for kind in WIDGETS for w in getattr(app, kind)} | {
        f"button {b.key}": b.label for b in app.button if not b.key.startswith("lecture-")
    }


def words(app: AppTest) -> list[str]:
    """All that is written on the page."""
    kinds = ("title", "header", "markdown", "latex", "caption", "code", "warning", "info", "error")
    return [f"{kind}: {w.value}" for kind in kinds for w in getattr(app, kind)]


def first_frame(app: AppTest, page: str) -> dict[str, np.ndarray]:
    """Arrays of the first frame of the page's run, and its readouts, by name; empty if there is none."""
    from dashboard import runs
    from dashboard.runs.growth import Growth, Orders

    kept = app.session_state["_runs"] if "_runs" in app.session_state else {}  # noqa: SIM401 (it has no get)
    run = runs.registry.get(kept[f"{page}.player"][1]) if f"{page}.player" in kept else None
    if run is None:
        return {}
    if run.live:
        growth = Growth(run.recipe)
        growth.orders = Orders(slow=run.slow)
        for scene in islice(filter(None, growth.begin()), 1):
            run.add(scene)
    arrays = {f"still.{name}": array for name, array in run.still.items()}
    arrays |= {
        f"frame.{name}": array for name, array in run.recording.frames[next(iter(run.recording.frames))].items()
    }
    names = {f"frame.readout.{k}": f"readout {r['name']}" for k, r in enumerate(run.layout["readouts"])}
    named = {names.get(name, name): np.asarray(array) for name, array in arrays.items()}
    return {name: array for name, array in named.items() if not name.endswith(CLOCKS)}


def sample(array: np.ndarray) -> np.ndarray:
    """The norm, then evenly spaced values, float64."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    chosen = flat[np.linspace(0, flat.size - 1, min(SAMPLE, flat.size)).round().astype(int)] if flat.size else flat
    return np.concatenate([[math.sqrt(float(np.nansum(flat**2)))], chosen])


def look(link: dict[str, str]) -> tuple[dict[str, Any], dict[str, np.ndarray], list[str]]:
    """Controls and shapes, samples of the first frame, and words."""
    app = show(link)
    assert not app.exception, (link, app.exception)
    arrays = first_frame(app, link["page"])
    shapes = {name: list(a.shape) for name, a in arrays.items()}
    seen = {"link": link, "controls": controls(app), "shapes": shapes, "warnings": [w.value for w in app.warning]}
    return json.loads(json.dumps(seen)), {name: sample(a) for name, a in arrays.items()}, words(app)


def recorded() -> tuple[list[dict[str, Any]], list[dict[str, np.ndarray]]]:
    """What was recorded, link by link."""
    blob = FILE.read_bytes()
    header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
    links = json.loads(header["__metadata__"]["links"])
    arrays = load(blob)
    found: list[dict[str, np.ndarray]] = [{} for _ in links]
    for key, array in arrays.items():
        number, _, name = key.partition("|")
        found[int(number)][name] = array
    return links, found


def machine() -> str:
    """What decides the last digits: the processor, and its kernels that numpy and torch chose."""
    import torch
    from threadpoolctl import threadpool_info

    kernels = sorted({str(i.get("architecture")) for i in threadpool_info() if i.get("architecture")})
    about = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").exists() else platform.processor()
    said = sorted({line for line in about.splitlines() if line.startswith(("model", "stepping", "flags"))})
    return f"{zlib.crc32(' '.join(said).encode()):08x} {torch.backends.cpu.get_cpu_capability()} {kernels}"


def record(numbers: set[int]) -> None:
    """Write down what these links show now, and leave the others as they were recorded."""
    entries, samples = recorded()
    for number in numbers:
        entry, samples[number], _ = look(entries[number]["link"])
        entries[number] = entry | {"machine": machine()}
    arrays = {f"{k}|{name}": a for k, found in enumerate(samples) for name, a in found.items()}
    FILE.write_bytes(save(arrays, metadata={"links": json.dumps(entries, ensure_ascii=False)}))


if __name__ == "__main__":
    record({int(number) for number in sys.argv[1:]} or set(range(len(recorded()[0]))))
