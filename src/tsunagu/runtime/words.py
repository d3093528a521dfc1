"""What the command line says to people, in Japanese and English, written side by side."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal

Language = Literal["en", "ja"]
Say = Callable[[str, str], str]


def language_of(wanted: str | None = None) -> Language:
    """The language asked for, else that of the locale; English unless it is Japanese."""
    named = (wanted, *(os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG")))
    first = next((name for name in named if name), "")
    return "ja" if first.lower().startswith("ja") else "en"


def speaker(wanted: str | None = None) -> Say:
    """A function that chooses between the English and the Japanese wording."""
    language = language_of(wanted)
    return lambda en, ja: ja if language == "ja" else en
