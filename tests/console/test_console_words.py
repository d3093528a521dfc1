"""Both languages, from day one: every text of the console is written in each."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from string import Formatter

import pytest

from tsunagu import console
from tsunagu.console import words
from tsunagu.console.phrases import Phrase, preferred
from tsunagu.console.words import common

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
MODULES = [
    importlib.import_module(f"{words.__name__}.{m.name}")
    for m in pkgutil.iter_modules(words.__path__)
]
# Names that are the same in both languages.
UNTRANSLATED = {"Tsunagu", "AUC", "API", "{event}", "{part} / {whole}"}


def phrases_of(value: object) -> list[Phrase]:
    """The phrases in a module's value, also within dictionaries and tuples."""
    if isinstance(value, Phrase):
        return [value]
    if isinstance(value, dict):
        return [p for held in value.values() for p in phrases_of(held)]
    if isinstance(value, tuple):
        return [p for held in value for p in phrases_of(held)]
    return []


ALL = [
    pytest.param(phrase, id=f"{module.__name__.rpartition('.')[2]}.{name}")
    for module in MODULES
    for name, value in vars(module).items()
    for phrase in phrases_of(value)
]


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("phrase", ALL)
def test_every_text_is_written_in_both_languages(phrase: Phrase) -> None:
    assert phrase.ja.strip()
    assert phrase.en.strip()
    assert not JAPANESE.search(phrase.en)
    assert JAPANESE.search(phrase.ja) or phrase.ja in UNTRANSLATED
    assert places(phrase.ja) == places(phrase.en)
    assert phrase.one is None or places(phrase.one) <= places(phrase.en)


def test_english_counts_one_and_many() -> None:
    assert common.people.say("en", count=1, n="1") == "1 person"
    assert common.people.say("en", count=3, n="3") == "3 people"
    assert common.people.say("ja", count=1, n="1") == "1人"


@pytest.mark.parametrize(
    ("header", "language"),
    [("ja,en;q=0.8", "ja"), ("de-DE, ja;q=0.5", "ja"), ("fr", "en"), ("", "en"), ("en-GB", "en")],
)
def test_the_browser_chooses_the_first_language(header: str, language: str) -> None:
    assert preferred(header) == language


def test_no_text_is_left_over() -> None:
    """A text that no page says any more is taken out."""
    folder = Path(console.__file__).parent
    source = "\n".join(path.read_text() for path in folder.rglob("*.py"))
    names = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in MODULES
        for name, value in vars(module).items()
        if isinstance(value, Phrase)
    }
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", source)] == []
