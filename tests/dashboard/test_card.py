"""The card of keys is README's table, and what it lists the Player hears."""

import re
from pathlib import Path

import dashboard
from dashboard.card import CARD, README, card, keys

PLAYER = Path(dashboard.__file__).parent / "player"
NAMED = {"space": '" "', "←": "ArrowLeft", "→": "ArrowRight", "Page": "PageDown", "F": "f:", "K": "k:"}


def test_the_card_is_readmes_table():
    assert CARD.read_text("utf-8") == card(README.read_text("utf-8"))


def test_every_key_on_the_card_is_heard():
    heard = "".join(path.read_text("utf-8") for path in PLAYER.glob("*.js"))
    listed = [
        key for row, _ in keys(README.read_text("utf-8")) for key in re.split(r" … |[ ,]+(?=\S)|\s", row) if key
    ]
    assert len(listed) > 20
    for key in listed:
        name = NAMED.get(key, key)
        assert name in heard or key in ("Up", "Down") or re.fullmatch("[1-9a-e]", key), key
