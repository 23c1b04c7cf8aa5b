"""Small moving pictures of each concept's own scene, for the map; ``python -m dashboard.export`` makes them."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

from PIL import Image
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from dashboard.player.files import base_path

FOLDER = Path(__file__).parent / "pictures"
MODES = ("light", "dark")
MOST_BYTES = 30_000


def path(name: str, mode: str) -> Path:
    """The file of a concept's picture, ``mode`` light or dark."""
    return FOLDER / f"{name}-{mode}.webp"


def has(name: str, mode: str) -> bool:
    """Whether there is one."""
    return path(name, mode).is_file()


def addresses(name: str, mode: str) -> tuple[str, str]:
    """Of the picture that moves, and of its last frame; they hold the file's version, so that they may be kept."""
    file = path(name, mode)
    address = f"{base_path()}/thumbnails/{file.stat().st_mtime_ns:x}/{file.stem}"
    return f"{address}.webp", f"{address}-still.webp"


@lru_cache(maxsize=64)
def still(file: Path, changed: int) -> bytes:
    """The last frame alone."""
    with Image.open(file) as film:
        film.seek(getattr(film, "n_frames", 1) - 1)
        kept = io.BytesIO()
        film.convert("RGB").save(kept, "WEBP", quality=80)
    return kept.getvalue()


async def thumbnail(request: Request) -> Response:
    """``NAME-MODE.webp``, or ``NAME-MODE-still.webp`` for its last frame."""
    wanted = request.path_params["name"]
    name = wanted.replace("-still.webp", ".webp")
    file = {p.name: p for p in FOLDER.glob("*.webp")}.get(name)
    if file is None:
        return PlainTextResponse("no such file", status_code=404)
    content = file.read_bytes() if name == wanted else still(file, file.stat().st_mtime_ns)
    return Response(
        content, media_type="image/webp", headers={"Cache-Control": "public, max-age=31536000, immutable"}
    )


def routes() -> list[BaseRoute]:
    """The route for ``st.App``."""
    return [Route(f"{base_path()}/thumbnails/{{version}}/{{name}}", thumbnail)]
