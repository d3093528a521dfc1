"""Traits with where each value comes from: source, time, why this value, and what else was said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tsunagu.console.markup import Html, div, el, icon, join, span
from tsunagu.console.phrases import Phrase
from tsunagu.console.visit import Visit
from tsunagu.console.words import customers, provenance
from tsunagu.profiles import OtherValue, Provenance

SYNTHETIC = "synthetic"


def draw_traits(visit: Visit, traits: Mapping[str, Any], told: Sequence[Provenance]) -> Html:
    """The card of a customer's traits; `told` says whence, as far as it is known."""
    whence = {one.trait: one for one in told}
    rows = [
        join(
            el("dt", name, cls="mono"),
            el("dd", value_text(visit, value), _whence(visit, whence.get(name))),
        )
        for name, value in sorted(traits.items())
        if name != SYNTHETIC
    ]
    empty = el("p", visit.say(customers.no_traits), cls="muted")
    head = div("head", el("h2", visit.say(customers.traits)))
    return div("card", head, el("dl", rows, cls="facts traits") if rows else empty)


def value_text(visit: Visit, value: Any) -> str:
    """A trait's value as people read it."""
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int | float):
        return visit.formats.number(value, 0 if float(value).is_integer() else 2)
    return str(value)


def _whence(visit: Visit, told: Provenance | None) -> Html | None:
    if told is None:
        return None
    source = told.source or visit.say(provenance.source_unknown)
    why = provenance.STRATEGIES.get(told.strategy, Phrase(told.strategy, told.strategy))
    line = div(
        "muted small",
        span("nowrap", f"{source} · {visit.formats.day(told.at)}"),
        " · ",
        span("nowrap", visit.say(why)),
    )
    if told.overfull:
        return join(line, div("muted small", visit.say(provenance.overfull)))
    if not told.others:
        return line
    summary = el(
        "summary",
        icon("expand_more"),
        visit.count(provenance.others, len(told.others)),
        cls="small",
    )
    rows = [_other(visit, other) for other in told.others]
    return join(line, el("details", summary, el("ul", rows), cls="other-values"))


def _other(visit: Visit, other: OtherValue) -> Html:
    first, last = visit.formats.day(other.first), visit.formats.day(other.last)
    span_of_days = first if first == last else visit.say(provenance.from_to, first=first, last=last)
    source = other.source or visit.say(provenance.source_unknown)
    times = f" · {visit.count(provenance.times, other.times)}" if other.times else ""
    return el(
        "li",
        div("break", value_text(visit, other.value)),
        div("muted small", f"{source} · {span_of_days}{times}"),
    )
