"""Phrases: every text of the console in Japanese and English, side by side.

A phrase is written twice where it is declared, so neither language can be forgotten; which one
is shown is decided when a page is built. `one` is the English wording for a count of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = ("ja", "en")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One text in both languages, with `{names}` for what is filled in."""

    ja: str
    en: str
    one: str | None = None

    def say(self, language: Language, *, count: int | None = None, **values: object) -> str:
        """The text in a language; `count` chooses between the English singular and plural."""
        text = self.ja if language == "ja" else self.en
        if language == "en" and count == 1 and self.one is not None:
            text = self.one
        return text.format(**values) if values else text


def language_of(text: str | None) -> Language | None:
    """The console language that a cookie or a form names, or None."""
    return text if text == "ja" or text == "en" else None


def preferred(accept_language: str) -> Language:
    """The console language a browser asks for: the first it lists that we speak, else English."""
    for part in accept_language.split(","):
        found = language_of(part.split(";")[0].strip()[:2].lower())
        if found is not None:
            return found
    return "en"


def in_language(titles: dict[str, str], language: Language, otherwise: str) -> str:
    """A definition's own title in a language, else in any, else its name."""
    return titles.get(language) or titles.get("en") or next(iter(titles.values()), otherwise)
