"""A rule as people read it: one condition a line, words, texts and numbers told apart."""

from __future__ import annotations

import re

from tsunagu.console.markup import Html, el, join, span

_TOKEN = re.compile(
    r"(?P<text>'(?:[^']|'')*')|(?P<num>\b\d+(?:\.\d+)?\b)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<rest>.)",
    re.DOTALL,
)
_WORDS = {"and", "or", "not", "in", "is", "null", "between", "like", "true", "false", "within"}
_FUNCTIONS = {"did", "total", "first_time", "last_time", "coalesce", "lower"}


def draw_rule(source: str) -> Html:
    """The rule with its parts marked; a one-line rule is broken before each `and` and `or`."""
    text = source.strip()
    if "\n" not in text:
        text = re.sub(r"\s+(and|or)\s+(?=[^']*(?:'[^']*'[^']*)*$)", r"\n\1 ", text)
    return el("pre", join([_mark(match) for match in _TOKEN.finditer(text)]), cls="rulebox")


def _mark(match: re.Match[str]) -> Html:
    token = match.group()
    if match.lastgroup == "text":
        return span("tk-text", token)
    if match.lastgroup == "num":
        return span("tk-num", token)
    if match.lastgroup == "word" and token.lower() in _WORDS:
        return span("tk-word", token)
    if match.lastgroup == "word" and token.lower() in _FUNCTIONS:
        return span("tk-fn", token)
    return join(token)
