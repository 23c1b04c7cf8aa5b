"""What all tests share."""

import os
import sys
import zlib
from pathlib import Path

import pytest

from dashboard.runs.warmup import share_cores

share_cores()  # as in the app: what is computed with one thread and with two differs in its last digits
collect_ignore_glob = ["browser/live/*"]  # apps that tests start, not tests
ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """``ONE_IN=5 SEED=abc pytest -m slow``: one in five of the slow tests, others for each seed, as CI takes them."""
    if one_in := int(os.environ.get("ONE_IN", "0")):
        seed = os.environ.get("SEED", "")
        left = [item for item in items if zlib.crc32(f"{seed} {item.nodeid}".encode()) % one_in]
        config.hook.pytest_deselected(items=left)
        gone = set(left)
        items[:] = [item for item in items if item not in gone]


@pytest.fixture(autouse=True)
def _end_all_runs():
    """A run belongs to a session; AppTest never ends one, so the test does."""
    yield
    if "dashboard.runs" in sys.modules:
        sys.modules["dashboard.runs"].registry.clear()
        sys.modules["dashboard.runs"].scenes.clear()


@pytest.fixture
def local_workers(monkeypatch):
    """Live runs grow in this process."""
    from dashboard.runs import Workers, live
    from dashboard.runs.trainer import LocalTrainer

    workers = Workers(1, LocalTrainer)
    monkeypatch.setattr(live, "workers", workers)
    return workers


@pytest.fixture
def open_page():
    """Open a page by its name under AppTest, with what the link says: ``open_page("gaussian", seed=7)``."""
    from streamlit.testing.v1 import AppTest

    def opened(page: str = "map", **link: object) -> AppTest:
        app = AppTest.from_file(ROOT / "dashboard" / "main.py", default_timeout=30)
        for name, value in link.items():
            app.query_params[name] = str(value)
        app.run()
        return app if page == "map" else app.switch_page(f"../pages/{page}.py").run()

    return opened
