"""README's keys on one card, to be printed and laid beside the clicker: ``docs/keys.html``."""

from __future__ import annotations

from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README, CARD = ROOT / "README.md", ROOT / "docs" / "keys.html"
STYLE = """
  @page { size: A5; margin: 12mm; }
  body { font: 15px/1.35 system-ui, sans-serif; max-width: 34rem; margin: 1.5rem auto; }
  body { color: #000; background: #fff; }
  h1 { font-size: 1.3em; margin: 0 0 0.6em; }
  table { border-collapse: collapse; width: 100%; }
  td { border-top: 1px solid #888; padding: 0.32em 0.5em 0.32em 0; vertical-align: top; }
  td:first-child { font-weight: 600; white-space: nowrap; padding-right: 1em; }
"""


def keys(readme: str) -> list[tuple[str, str]]:
    """Each row of the table under *In class*: keys, and what they do."""
    section = readme.partition("\n## In class\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [(key, does) for key, does in rows[1:]]


def card(readme: str) -> str:
    """The card's page, which needs nothing but itself."""
    rows = "\n".join(f"<tr><td>{escape(key)}</td><td>{escape(does)}</td></tr>" for key, does in keys(readme))
    head = f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Keys</title>\n<style>{STYLE}</style>'
    return f"{head}\n<h1>Seeing generative models: keys</h1>\n<table>\n{rows}\n</table>\n</html>\n"


def write() -> None:
    """Write the card anew from README."""
    CARD.write_text(card(README.read_text("utf-8")), "utf-8")
