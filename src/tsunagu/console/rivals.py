"""Rivals of a model: other people who are alike for a reason, and what tells them apart."""

from __future__ import annotations

from dataclasses import dataclass

from tsunagu.console.comparing import comparison_name, in_sentence, listed
from tsunagu.console.markup import Html, div, el
from tsunagu.console.visit import Visit
from tsunagu.console.words import identity
from tsunagu.identity.linking import Comparison, Model
from tsunagu.identity.linking.model import Rival
from tsunagu.identity.linking.scoring import level_weight

# What such people agree in is shown from so often on, and so many times oftener than by chance.
_LEAST, _TIMES = 0.05, 2.0
# What tells them apart is what one person mostly agrees in and they hardly ever do.
_ONE_PERSON, _HARDLY = 0.5, 0.1
_MOST_SHOWN = 6


@dataclass(frozen=True)
class Agreement:
    """How often pairs agree in a comparison: such others, two people at random, one person."""

    comparison: str
    others: float
    random: float
    one: float


def agreements(model: Model, rival: Rival) -> list[Agreement]:
    """How often the rival's people agree in what they do not share by definition."""
    return [
        _agreement(comparison, chances)
        for comparison, chances in zip(model.comparisons, rival.chances, strict=True)
        if rival.name not in comparison.columns
    ]


def _agreement(comparison: Comparison, chances: tuple[float, ...]) -> Agreement:
    """Agreeing is every level that speaks for one person."""
    agreeing = [
        (chance, level.u or 0.0, level.m or 0.0)
        for level, chance in zip(comparison.levels, chances, strict=True)
        if level_weight(level) > 0
    ]
    others, random, one = (min(1.0, sum(told[n] for told in agreeing)) for n in range(3))
    return Agreement(comparison.name, others, random, one)


def rivals_card(visit: Visit, model: Model) -> Html:
    """Who is alike without being one person, and in what."""
    say = visit.say
    if not model.rivals:
        answer = say(identity.rivals_none)
        return div("card", div("head", el("h2", say(identity.rivals_title))), el("p", answer))
    named = listed(visit, (in_sentence(visit, rival.name) for rival in model.rivals))
    return div(
        "card",
        div("head", el("h2", say(identity.rivals_title))),
        el("p", say(identity.rivals_answer, columns=named), cls="answer"),
        [_rival(visit, model, rival) for rival in model.rivals],
        el("p", say(identity.rivals_doubt), cls="doubt"),
    )


def _rival(visit: Visit, model: Model, rival: Rival) -> Html:
    records = model.report.records
    told = agreements(model, rival)
    alike = [a for a in told if a.others >= max(_LEAST, _TIMES * a.random)]
    apart = [a.comparison for a in told if a.one >= _ONE_PERSON and a.others < _HARDLY]
    alike.sort(key=lambda a: -a.others)
    frequent = visit.say(
        identity.rival_share,
        pairs=visit.formats.number(rival.share * records * (records - 1) / 2),
        n=visit.formats.number(rival.share * (records - 1), 2),
    )
    return div(
        "rival",
        el("h3", visit.say(identity.rival, column=in_sentence(visit, rival.name))),
        el("p", frequent, cls="muted small"),
        [_row(visit, agreement) for agreement in alike[:_MOST_SHOWN]],
        _apart(visit, apart) if apart else None,
    )


def _row(visit: Visit, agreement: Agreement) -> Html:
    share = visit.formats.percent(agreement.others, 0)
    random = visit.formats.percent(agreement.random, 1 if agreement.random >= 0.001 else 3)
    return div(
        "barrow",
        div(
            "",
            div("", comparison_name(visit, agreement.comparison)),
            div("muted small", visit.say(identity.rival_random, share=random)),
        ),
        div(
            "bar amber",
            el("span", style=f"width:{agreement.others * 100:.0f}%"),
            title=visit.say(identity.rival_agrees),
        ),
        div("num strong", share),
    )


def _apart(visit: Visit, comparisons: list[str]) -> Html:
    named = listed(visit, (comparison_name(visit, name) for name in comparisons))
    return el("p", visit.say(identity.rival_apart, columns=named), cls="small")
