"""Who may ask over the socket, and what."""

from __future__ import annotations

import json

import pytest
from starlette.websockets import WebSocket
from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from dashboard import runs
from dashboard.runs import all_runs
from dashboard.runs.socket import check_after, check_question, is_ours, parse
from tests.dashboard.runs.walks import frame


def asks(host: str, origin: str | None, scheme: str = "ws", forwarded: str | None = None) -> bool:
    headers = {"host": host, "origin": origin, "x-forwarded-proto": forwarded}
    raw = [(name.encode(), value.encode()) for name, value in headers.items() if value is not None]
    scope = {"type": "websocket", "scheme": scheme, "path": "/runs/x", "headers": raw, "server": ("127.0.0.1", 8501)}
    return is_ours(WebSocket(scope, None, None), is_host_allowed)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost:8501", "[::1]:8501", "LOCALHOST"])
def test_our_own_pages_may_ask(host):
    assert config.get_option("server.allowedHosts"), "the project's own settings are read"
    assert asks(host, f"http://{host}")
    assert asks(host, f"https://{host}", "wss")
    assert asks(host, f"https://{host}", forwarded="https"), "behind a proxy that speaks TLS"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example:8501", "http://evil.example:8501"),  # a name that was made to point here
        ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example"),
        ("127.0.0.1:8501", "http://evil.example"),
        ("127.0.0.1:8501", "http://127.0.0.1:8502"),
        ("127.0.0.1:8501", "https://127.0.0.1:8501"),
        ("127.0.0.1:8501", "ftp://127.0.0.1:8501"),
        ("127.0.0.1:8501", "null"),
        ("127.0.0.1:8501", ""),
        ("127.0.0.1:8501", None),
        ("", ""),
    ],
)
def test_others_may_not(host, origin):
    assert not asks(host, origin)


HUGE = "1" + "0" * 400


@pytest.mark.parametrize(
    "text",
    [
        f'{{"ask": {{"handles": {{"mean": [{HUGE}, 0]}}}}, "step": 0, "n": 1}}',
        f'{{"ask": {{"a": [[{{"b": -{HUGE}}}]]}}}}',
        f'{{"ask": {{}}, "step": {HUGE}}}',
        f'{{"ask": {{}}, "n": {HUGE}}}',
        '{"ask": {"a": 1e999}}',
        '{"ask": {"a": NaN}}',
        '{"ask": {"a": ' + "9" * 5000 + "}}",
    ],
)
def test_numbers_that_cannot_be_get_a_sentence(text):
    with pytest.raises(ValueError, match=r"\w"):
        check_question(parse(text))


@pytest.mark.parametrize("after", [True, 1.0, "3"])
def test_what_no_frame_has_as_its_id(after):
    with pytest.raises(ValueError, match="id of a frame"):
        check_after(json.loads(json.dumps(after)))


def test_runs_that_grow_keep_to_the_bound(monkeypatch):
    """What is watched last stays; what nobody looks at goes."""
    held = [runs.record(frame(0, 0.0), f"session {k}") for k in range(4)]
    growing = runs.Run("grows")
    runs.registry.add(growing)
    monkeypatch.setattr(all_runs, "MAX_TOTAL_BYTES", sum(run.nbytes for run in held))
    for step in range(10):
        growing.add(frame(step, 0.0))
        runs.registry.keep_bound(growing)
        left = runs.registry.all()
        assert len(left) == 1 or sum(run.nbytes for run in left) <= all_runs.MAX_TOTAL_BYTES
    assert growing in runs.registry.all()
    assert held[0] not in runs.registry.all()
