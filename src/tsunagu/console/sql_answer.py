"""The answer to a question on the SQL page: rows as a table, as a chart and as a file."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from tsunagu.analysis import Column, Refused, Result, Why
from tsunagu.console.charts import chart
from tsunagu.console.markup import Html, div, el, icon, join, span
from tsunagu.console.pane import button, html, nothing
from tsunagu.console.phrases import Phrase
from tsunagu.console.sql_chart import Picture, picture
from tsunagu.console.visit import Visit
from tsunagu.console.words import sql

SHOWN = 300
_LONGEST_CELL = 300
_WHY: dict[Why, Phrase] = {
    "empty": sql.why_empty,
    "long": sql.why_long,
    "several": sql.why_several,
    "select_only": sql.why_select_only,
    "table": sql.why_table,
    "function": sql.why_function,
    "outside": sql.why_outside,
    "seconds": sql.why_seconds,
    "memory": sql.why_memory,
    "disk": sql.why_disk,
    "result": sql.why_result,
    "file": sql.why_file,
    "no_lake": sql.why_no_lake,
    "busy": sql.why_busy,
    "stopped": sql.why_stopped,
    "failed": sql.why_failed,
}


@dataclass(frozen=True)
class Answer:
    """The rows of a question, as values that JSON has."""

    columns: list[Column]
    rows: list[list[Any]]
    result: Result


def draw_nothing_yet(visit: Visit) -> None:
    """What stands where the answer will be."""
    text = visit.say(sql.no_answer_help)
    html(nothing(visit, "query_stats", sql.no_answer_yet, text), "card")


def draw_refusal(visit: Visit, refusal: Refused) -> None:
    """Why there is no answer, and what to change."""
    known = _WHY.get(refusal.why)
    if known is None:
        words = join(
            el("h3", visit.say(sql.bad_sql)),
            el("pre", str(refusal), cls="json", style="margin:8px 0 0;white-space:pre-wrap"),
        )
        html(div("", words, role="alert"), "card")
        return
    said = visit.say(known, about=refusal.about)
    tone = "notice" if refusal.why == "stopped" else "notice amber"
    text = join(el("b", visit.say(sql.refused)), " ", said) if refusal.why != "stopped" else said
    html(div(tone, icon("info"), div("grow", text), role="alert"))


def draw_answer(visit: Visit, answer: Answer) -> None:
    """The rows, and a chart of them where one fits."""
    if not answer.rows:
        text = visit.say(sql.no_rows_help)
        html(nothing(visit, "search_off", sql.no_rows, text), "card")
        return
    drawn = picture(answer.columns, answer.rows)
    with ui.element("div").classes("card flush sql-answer"):
        with ui.element("div").classes("head"):
            html(_took(visit, answer), "grow")
            switch = _switch(visit)
            button(visit.say(sql.download), lambda: _download(answer), "", "download")
        if answer.result.truncated:
            more = visit.say(sql.truncated, n=answer.result.rows)
            html(div("notice amber", icon("unfold_more"), div("grow", more)), "sql-note")
        table = html(_table(visit, answer), "sql-table")
        with ui.element("div").classes("sql-chart") as place:
            _draw_chart(visit, answer, drawn)
    switch.bind_value_to(table, "visible", lambda value: value == "table")
    switch.bind_value_to(place, "visible", lambda value: value == "chart")


def _switch(visit: Visit) -> ui.toggle:
    choices = {"table": visit.say(sql.as_table), "chart": visit.say(sql.as_chart)}
    toggle = ui.toggle(choices, value="table").props("no-caps unelevated dense padding='5px 12px'")
    return toggle.classes("sql-switch")


def _took(visit: Visit, answer: Answer) -> Html:
    rows = answer.result.rows
    seconds = visit.formats.number(answer.result.seconds, 2)
    took = visit.say(sql.took, count=rows, n=visit.formats.number(rows), seconds=seconds)
    return span("strong", took)


def _draw_chart(visit: Visit, answer: Answer, drawn: Picture | None) -> None:
    if drawn is None:
        html(nothing(visit, "bar_chart", sql.no_chart, visit.say(sql.no_chart_help)))
        return
    title = visit.say(sql.chart_title, measure=drawn.measure, dimension=drawn.dimension)
    (top, high), (bottom, low) = drawn.ends
    said = visit.say(
        sql.chart_answer, top=top, high=_figure(visit, high), bottom=bottom, low=_figure(visit, low)
    )
    html(join(el("h2", title), el("p", said, cls="answer")))
    chart(drawn.options(), f"{title} {said}")
    part = visit.say(sql.chart_part, n=len(drawn.names))
    html(el("p", f"{part} {visit.say(sql.times_utc)}", cls="doubt"))


def _figure(visit: Visit, value: float) -> str:
    return visit.formats.number(value, 0 if value == int(value) else 2)


def _table(visit: Visit, answer: Answer) -> Html:
    figures = [column.type.startswith(("int", "uint", "float", "double", "decimal"))
               for column in answer.columns]  # fmt: skip
    head = [
        el("th", column.name, cls="num" if figure else "", title=column.type)
        for column, figure in zip(answer.columns, figures, strict=True)
    ]
    body = [
        el("tr", [_cell(visit, value, figure) for value, figure in zip(row, figures, strict=True)])
        for row in answer.rows[:SHOWN]
    ]
    table = el("table", el("thead", el("tr", head)), el("tbody", body), cls="list")
    notes = [visit.say(sql.times_utc)]
    if len(answer.rows) > SHOWN:
        notes.insert(0, visit.say(sql.shown, n=SHOWN))
    return join(div("sql-scroll", table), el("p", " ".join(notes), cls="doubt sql-note"))


def _cell(visit: Visit, value: Any, figure: bool) -> Html:
    if value is None:
        return el("td", "–", cls="muted num" if figure else "muted")
    if figure and isinstance(value, int | float):
        return el("td", f"{value:,}", cls="num")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > _LONGEST_CELL:
        return el("td", text[:_LONGEST_CELL] + "…", cls="break", title=text[: 4 * _LONGEST_CELL])
    return el("td", text, cls="num" if figure else "break")


def _download(answer: Answer) -> None:
    """The received rows as a CSV file that spreadsheets read as UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(column.name for column in answer.columns)
    for row in answer.rows:
        writer.writerow(
            value if value is None or isinstance(value, str | int | float)
            else json.dumps(value, ensure_ascii=False)
            for value in row
        )  # fmt: skip
    ui.download.content(out.getvalue().encode("utf-8-sig"), "answer.csv", "text/csv")
