"""Happenings: a customer's events as a timeline with icons, grouped by the viewer's days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tsunagu.console.frame import synthetic_hint
from tsunagu.console.markup import Html, div, icon, span
from tsunagu.console.visit import Visit
from tsunagu.console.words.events import event_words
from tsunagu.console.words.reasons import reason_words
from tsunagu.profiles import TimelineEntry

_NAMED = (("audience", "audience"), ("journey", "journey"), ("message", "message"))
_PLAIN = ("name", "title", "product", "url", "path", "coupon", "campaign", "channel")


def draw_timeline(
    visit: Visit, entries: Sequence[TimelineEntry], titles: Mapping[tuple[str, str], str]
) -> Html:
    """The entries, newest first; `titles` name definitions by kind and name."""
    drawn: list[Html] = []
    day = ""
    for entry in sorted(entries, key=lambda e: (-e.at, -e.position)):
        here = visit.formats.day(entry.at)
        if here != day:
            drawn.append(div("daymark", here))
            day = here
        drawn.append(_moment(visit, entry, titles))
    return div("timeline", drawn)


def _moment(visit: Visit, entry: TimelineEntry, titles: Mapping[tuple[str, str], str]) -> Html:
    words, glyph, colour = event_words(entry.type, entry.name)
    detail = _detail(visit, entry, titles)
    return div(
        "moment",
        span(f"badge {colour}".strip(), icon(glyph)),
        div(
            "what",
            span("strong", visit.say(words)),
            synthetic_hint(visit) if entry.body.get("context", {}).get("synthetic") else None,
            div("muted small break", detail) if detail else None,
        ),
        span("when", f"{visit.formats.local(entry.at):%H:%M}", " · ", entry.source),
    )


def _detail(visit: Visit, entry: TimelineEntry, titles: Mapping[tuple[str, str], str]) -> str:
    """The few properties that tell the event from others of its name."""
    properties: dict[str, Any] = entry.body.get("properties", {})
    parts = [
        titles.get((kind, str(properties[key])), str(properties[key]))
        for key, kind in _NAMED
        if properties.get(key)
    ]
    amount = properties.get("total", properties.get("revenue"))
    if isinstance(amount, int | float) and not isinstance(amount, bool):
        parts.append(visit.formats.money(amount))
    products = properties.get("products")
    if isinstance(products, list) and products:
        parts.append(_products(products))
    if isinstance(properties.get("reason"), str):
        parts.append(visit.say(reason_words(properties["reason"])))
    parts += [str(properties[key]) for key in _PLAIN if isinstance(properties.get(key), str)]
    if entry.type == "identify":
        parts += sorted(entry.body.get("traits", {}))[:6]
    return " · ".join(dict.fromkeys(parts))


def _products(products: list[Any]) -> str:
    names = [p.get("name") or p.get("category") for p in products if isinstance(p, dict)]
    known = [str(name) for name in names if name]
    if not known:
        return f"× {len(products)}"
    rest = len(products) - len(known[:3])
    return ", ".join(known[:3]) + (f" +{rest}" if rest > 0 else "")
