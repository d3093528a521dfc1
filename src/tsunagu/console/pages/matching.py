"""The matching model: what its weights are, which pairs it compares, how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydantic import ValidationError

from tsunagu.access import Definition, published
from tsunagu.console.comparing import comparison_name, level_name
from tsunagu.console.customers_room import customers_head
from tsunagu.console.markup import Html, div, el, link, span
from tsunagu.console.pane import Pane, html, nothing
from tsunagu.console.reader import Cursor
from tsunagu.console.rivals import rivals_card
from tsunagu.console.visit import Visit
from tsunagu.console.words import identity, quality
from tsunagu.identity.linking import Comparison, Level, Model

MATCH_MODEL = "match-model"


@dataclass(frozen=True)
class Trained:
    """The published model, or None in `model` when this release cannot read it."""

    definition: Definition
    model: Model | None


async def build(visit: Visit) -> None:
    """The report of the published model."""
    with customers_head(visit, "matching", identity.model_sub):
        html(link(visit.to("data", "quality"), visit.say(quality.see_quality), cls="btn"))
    pane = Pane(visit, bones=10)
    await pane.show(
        lambda: visit.read(lambda c: _load(visit, c)), lambda found: _draw(visit, found)
    )


def _load(visit: Visit, cursor: Cursor) -> Trained | None:
    for definition in published(cursor, visit.workspace.id):
        if definition.kind == MATCH_MODEL:
            try:
                return Trained(definition, Model.model_validate(definition.document))
            except ValidationError:
                return Trained(definition, None)
    return None


def _draw(visit: Visit, found: Trained | None) -> None:
    if found is None:
        command = el("pre", identity.TRAIN, cls="secret mono center")
        text = visit.say(identity.no_model_help)
        html(nothing(visit, "join_inner", identity.no_model, text, command), "card")
        return
    if found.model is None:
        text = visit.say(identity.reading_failed_help)
        html(nothing(visit, "error_outline", identity.reading_failed, text), "card")
        return
    model = found.model
    parts = (_figures, _weights, rivals_card, _blocking)
    html(div("stack", [part(visit, model) for part in parts]))


def _figures(visit: Visit, model: Model) -> Html:
    say, number = visit.say, visit.formats.number
    report = model.report
    each = number(report.pairs / max(1, report.records), 1)
    low, high = signed(visit, model.lower), signed(visit, model.upper)
    percent = visit.formats.percent
    return div(
        "kpis",
        _figure(say(identity.records), number(report.records), ""),
        _figure(say(identity.pairs), number(report.pairs), say(identity.pairs_each, n=each)),
        _figure(
            say(identity.linked), number(report.linked), say(identity.linked_note, weight=high)
        ),
        _figure(
            say(identity.asked), number(report.asked), say(identity.asked_note, low=low, high=high)
        ),
        _figure(
            say(identity.precision), percent(report.precision, 2), say(identity.precision_note)
        ),
        _figure(say(identity.recall), percent(report.recall), say(identity.recall_note)),
    )


def _figure(label: str, value: str, note: str) -> Html:
    return div("kpi", div("label", label), div("value", value), div("note", note))


def weight_of(level: Level) -> float | None:
    """What a level adds to the weight; None when it says nothing either way."""
    if level.null or not level.m or not level.u:
        return None
    return math.log2(level.m / level.u)


def _weights(visit: Visit, model: Model) -> Html:
    weighed = [
        (weight, _level_of(visit, comparison, level))
        for comparison in model.comparisons
        for level in comparison.levels
        if (weight := weight_of(level)) is not None
    ]
    most = max((abs(weight) for weight, _ in weighed), default=1.0) or 1.0
    best, title = max(weighed, default=(0.0, "—"))
    prior = math.log2(model.prior / (1 - model.prior))
    answer = visit.say(
        identity.weights_answer,
        best=title,
        weight=signed(visit, best),
        prior=signed(visit, prior),
    )
    rows = [_comparison(visit, comparison, most) for comparison in model.comparisons]
    said = visit.say(identity.weights_shift, shift=signed(visit, model.shift))
    shift = el("p", said, cls="doubt") if model.shift else None
    return div(
        "card",
        div("head", el("h2", visit.say(identity.weights_title))),
        el("p", answer, cls="answer"),
        rows,
        shift,
        el("p", visit.say(identity.weights_doubt), cls="doubt"),
    )


def _level_of(visit: Visit, comparison: Comparison, level: Level) -> str:
    return f"{comparison_name(visit, comparison.name)}: {level_name(visit, level.label)}"


def signed(visit: Visit, weight: float) -> str:
    """A weight with its sign."""
    return f"{'+' if weight >= 0 else '−'}{visit.formats.number(abs(weight), 1)}"


def _comparison(visit: Visit, comparison: Comparison, most: float) -> Html:
    rows = [_level(visit, level, most) for level in comparison.levels if not level.null]
    return div("weights", el("h3", comparison_name(visit, comparison.name)), rows)


def _level(visit: Visit, level: Level, most: float) -> Html:
    weight = weight_of(level)
    if weight is None:
        bar, said = None, visit.say(identity.says_nothing)
    else:
        bar, said = weight_bar(weight, most), signed(visit, weight)
    shares = " · ".join(
        f"{visit.say(name)} {_share(visit, share)}"
        for name, share in ((identity.share_m, level.m), (identity.share_u, level.u))
        if share is not None
    )
    return div(
        "weight-row",
        div("", div("", level_name(visit, level.label)), div("muted small", shares)),
        div("weight-track", bar),
        div("num strong", said),
    )


def _share(visit: Visit, share: float) -> str:
    """A share with so many places that a small one is not zero."""
    places = 1 if share >= 0.01 else 3 if share >= 0.00001 else 5
    return visit.formats.percent(share, places)


def weight_bar(weight: float, most: float, start: float = 0.0) -> Html:
    """A bar from `start` by `weight` on a track that reaches `most` to either side of zero."""
    low, high = sorted((start, start + weight))
    left, width = 50 + low / most * 50, (high - low) / most * 50
    colour = "for" if weight >= 0 else "against"
    return span(f"weight-bar {colour}", style=f"left:{left:.2f}%;width:{max(width, 0.6):.2f}%")


def _blocking(visit: Visit, model: Model) -> Html:
    keys = sorted(model.keys, key=lambda key: -key.share)
    answer = visit.say(
        identity.blocking_answer,
        count=len(keys),
        n=visit.formats.number(len(keys)),
        share=visit.formats.percent(model.report.recall),
    )
    rows = [
        div(
            "barrow",
            div(
                "",
                div("break", key.name),
                div(
                    "muted small",
                    f"{visit.say(identity.key_pairs)} {visit.formats.number(key.pairs)}",
                ),
            ),
            div("bar", span("", style=f"width:{key.share * 100:.0f}%")),
            div("num strong", visit.formats.percent(key.share)),
        )
        for key in keys
    ]
    return div(
        "card",
        div("head", el("h2", visit.say(identity.blocking_title))),
        el("p", answer, cls="answer"),
        rows,
        el("p", visit.say(identity.blocking_doubt), cls="doubt"),
    )
