"""Insights: each result as a question, its answer in a sentence, and its doubt."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from tsunagu.console import charts
from tsunagu.console.frame import page_head
from tsunagu.console.markup import Html, div, el, icon, join, span
from tsunagu.console.pane import Pane, html, nothing
from tsunagu.console.phrases import Phrase, in_language
from tsunagu.console.queries import Report, reports
from tsunagu.console.rule_text import draw_rule
from tsunagu.console.visit import Visit
from tsunagu.console.words import insights

EXPERIMENT, PROPENSITY = "experiment:", "propensity:"
Document = dict[str, Any]
_VERDICTS: dict[str, tuple[Phrase, str, str]] = {
    "helps": (insights.helps, "green", "trending_up"),
    "harms": (insights.harms, "red", "trending_down"),
    "unknown": (insights.unknown, "blue", "help_outline"),
    "model": (insights.model_wins, "green", "emoji_events"),
    "rule": (insights.rule_wins, "teal", "emoji_events"),
    "undecided": (insights.undecided, "blue", "balance"),
}


async def build(visit: Visit) -> None:
    """All results, experiments first."""
    page_head(visit, visit.say(insights.title), visit.say(insights.sub))
    pane = Pane(visit, bones=10)
    await pane.show(
        lambda: visit.read(lambda c: reports(c, visit.workspace.id)),
        lambda found: _draw(visit, found),
    )


def _draw(visit: Visit, found: list[Report]) -> None:
    experiments = [r for r in found if r.name.startswith(EXPERIMENT)]
    propensities = [r for r in found if r.name.startswith(PROPENSITY)]
    if not experiments and not propensities:
        with ui.element("div").classes("card"):
            html(nothing(visit, "insights", insights.none_yet, visit.say(insights.none_yet_help)))
        return
    with ui.element("div").classes("stack"):
        for report in experiments:
            _experiment(visit, report.document)
        for report in propensities:
            _propensity(visit, report.document)


def _verdict(visit: Visit, answer: str) -> Html:
    words, colour, glyph = _VERDICTS[answer]
    return span(f"chip {colour}", icon(glyph), visit.say(words))


def _said(visit: Visit, words: dict[str, str]) -> str:
    return in_language(words, visit.language, "")


def _triple(interval: Document, scale: float = 1.0) -> charts.Interval:
    return (interval["value"] * scale, interval["low"] * scale, interval["high"] * scale)


def _experiment(visit: Visit, found: Document) -> None:
    title = in_language(found["title"], visit.language, found["journey"])
    question = visit.say(insights.effect_question, title=title)
    heading = div("head", el("h2", question), span("grow"), _verdict(visit, found["answer"]))
    with ui.element("div").classes("card"):
        html(join(heading, el("p", _said(visit, found["sentence"]), cls="answer")))
        with ui.element("div").classes("cols"):
            with ui.element("div"):
                html(el("h3", visit.say(insights.rates_question)))
                _rates_chart(visit, found)
            with ui.element("div"):
                html(el("h3", visit.say(insights.difference_question)))
                _difference_chart(visit, found)
        html(_arms_table(visit, found))
        html(join(el("p", _doubt(visit, found), cls="doubt"), _caveats(visit, found)))


def _rates_chart(visit: Visit, found: Document) -> None:
    rows = [
        (visit.say(insights.treated), _triple(found["treated"]["rate"], 100), charts.ACCENT),
        (visit.say(insights.holdout), _triple(found["holdout"]["rate"], 100), charts.BLUE),
    ]
    options = charts.interval_rows(
        rows, visit.say(insights.rate), formatter="{value}%", bounds=(0, None)
    )
    charts.chart(options, visit.say(insights.rates_question), "chart short")


def _difference_chart(visit: Visit, found: Document) -> None:
    colour = {"helps": "#1a7f4b", "harms": "#b42318"}.get(found["answer"], charts.GREY)
    rows = [(visit.say(insights.difference), _triple(found["difference"], 100), colour)]
    options = charts.interval_rows(rows, visit.say(insights.difference_axis), mark=0)
    charts.chart(options, visit.say(insights.difference_question), "chart short")
    html(el("p", visit.say(insights.difference_help), cls="doubt", style="margin-top:0"))


def _arms_table(visit: Visit, found: Document) -> Html:
    number, percent = visit.formats.number, visit.formats.percent
    level = percent(found["confidence"], 0)
    heads = (insights.arm, insights.people, insights.reached, insights.rate)
    cells = [el("th", visit.say(h), cls="num" if i else "") for i, h in enumerate(heads)]
    cells.append(el("th", visit.say(insights.interval, level=level), cls="num wide"))
    rows = [
        el(
            "tr",
            el("td", visit.say(name), cls="strong"),
            el("td", number(arm["n"]), cls="num"),
            el("td", number(arm["reached"]), cls="num"),
            el("td", percent(arm["rate"]["value"]), cls="num strong"),
            el(
                "td",
                f"{percent(arm['rate']['low'])} – {percent(arm['rate']['high'])}",
                cls="num muted wide",
            ),
        )
        for name, arm in (
            (insights.treated, found["treated"]),
            (insights.holdout, found["holdout"]),
        )
    ]
    head = el("thead", el("tr", cells))
    return el("table", head, el("tbody", rows), cls="list inset")


def _doubt(visit: Visit, found: Document) -> str:
    return visit.say(
        insights.doubt,
        n=visit.formats.number(found["treated"]["n"] + found["holdout"]["n"]),
        waiting=visit.formats.number(found["waiting"]),
        p=f"{found['p_value']:.2f}",
        method=found["method"],
        at=visit.formats.time_zoned(found["as_of"]),
    )


def _caveats(visit: Visit, found: Document) -> Html | None:
    caveats = [el("li", _said(visit, words)) for words in found["caveats"]]
    if not caveats:
        return None
    heading = el("b", visit.say(insights.caveats))
    text = div("grow", heading, el("ul", caveats, cls="caveats"))
    return div("notice amber", icon("info"), text, style="margin-top:12px")


def _propensity(visit: Visit, found: Document) -> None:
    question = _said(visit, found["question"])
    campaign = span("chip", visit.say(insights.campaign, campaign=found["campaign"]))
    heading = div(
        "head", el("h2", question), campaign, span("grow"), _verdict(visit, found["winner"])
    )
    with ui.element("div").classes("card"):
        html(join(heading, el("p", _said(visit, found["sentence"]), cls="answer")))
        with ui.element("div").classes("cols"):
            with ui.element("div"):
                _ranking(visit, found)
            with ui.element("div"):
                _calibration(visit, found)
                _weights(visit, found)
        doubt = visit.say(
            insights.propensity_doubt,
            n=visit.formats.number(found["scored"]["n"]),
            takers=visit.formats.number(found["scored"]["takers"]),
            method=found["method"],
            at=visit.formats.time_zoned(found["as_of"]),
        )
        html(join(el("p", doubt, cls="doubt"), _caveats(visit, found)))


def _ranking(visit: Visit, found: Document) -> None:
    html(
        join(
            el("h3", visit.say(insights.auc_question)),
            el("p", visit.say(insights.auc_answer), cls="muted small"),
        )
    )
    rows = [
        (visit.say(insights.model), _triple(found["auc"]["model"]), charts.ACCENT),
        (visit.say(insights.rule), _triple(found["auc"]["rule"]), charts.BLUE),
    ]
    options = charts.interval_rows(rows, visit.say(insights.auc), mark=0.5, bounds=(0.4, 1))
    charts.chart(options, visit.say(insights.auc_question), "chart short")
    html(
        join(
            el("p", visit.say(insights.rule), cls="muted small", style="margin:8px 0 4px"),
            draw_rule(found["rule"]),
            _brier(visit, found["brier"]),
        )
    )


def _brier(visit: Visit, brier: Document) -> Html:
    rows = [
        div("fact-row", span("", visit.say(name)), span("num", f"{brier[key]:.4f}"))
        for key, name in (
            ("model", insights.model),
            ("rule", insights.rule),
            ("base_rate", insights.base_rate),
        )
    ]
    return div("", el("h3", visit.say(insights.brier), style="margin:16px 0 4px"), rows)


def _calibration(visit: Visit, found: Document) -> None:
    bins, percent = found["calibration"], visit.formats.percent
    count = sum(b["n"] for b in bins["model"]) or 1
    answer = visit.say(
        insights.calibration_answer,
        said=percent(sum(b["said"] * b["n"] for b in bins["model"]) / count),
        happened=percent(sum(b["happened"]["value"] * b["n"] for b in bins["model"]) / count),
        n=visit.formats.number(count),
    )
    html(
        join(
            el("h3", visit.say(insights.calibration_question)),
            el("p", answer, cls="muted small"),
        )
    )
    groups = [
        (visit.say(name), colour, [_point(b) for b in bins[key]])
        for key, name, colour in (
            ("model", insights.model, charts.ACCENT),
            ("rule", insights.rule, charts.BLUE),
        )
    ]
    options = charts.calibration(groups, visit.say(insights.said), visit.say(insights.happened))
    charts.chart(options, answer, "chart tall")
    html(el("p", visit.say(insights.calibration_doubt), cls="doubt", style="margin-top:0"))


def _point(found: Document) -> tuple[float, float, float, float]:
    value, low, high = _triple(found["happened"], 100)
    return found["said"] * 100, value, low, high


def _weights(visit: Visit, found: Document) -> None:
    ordered = sorted(found["weights"].items(), key=lambda pair: -abs(pair[1]))[:8]
    if not ordered:
        return
    answer = visit.say(insights.weights_answer, name=ordered[0][0])
    html(
        join(
            el("h3", visit.say(insights.weights_question), style="margin-top:18px"),
            el("p", answer, cls="muted small"),
        )
    )
    charts.chart(charts.weights(ordered), answer, "chart")
    html(el("p", visit.say(insights.weights_doubt), cls="doubt", style="margin-top:0"))
