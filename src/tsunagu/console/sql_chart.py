"""Which chart fits the rows of a question: a line over time, or bars by name.

A choice made from the columns' types alone, so that the same question always looks the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tsunagu.analysis import Column
from tsunagu.console.charts import (
    ACCENT,
    AMBER,
    BLUE,
    GREY,
    RED,
    Options,
    category_axis,
    value_axis,
)

MOST_BARS = 30
MOST_POINTS = 2_000
MOST_SERIES = 5
_COLOURS = (ACCENT, BLUE, AMBER, RED, GREY)
_DATE_LIKE = re.compile(r"^\d{4}-\d\d(-\d\d)?([T ]\d\d:\d\d.*)?$")
# The outer names stand within the chart; centred under their points they would be cut.
_INSIDE = {"alignMinLabel": "left", "alignMaxLabel": "right"}
_FIGURES = ("int", "uint", "float", "double", "half", "decimal")

Row = Sequence[Any]


@dataclass(frozen=True)
class Picture:
    """A chart of some rows: what it is over, what it measures, and its points in their order."""

    kind: Literal["line", "bars"]
    dimension: str
    measure: str
    names: list[str]
    series: list[tuple[str, list[float | None]]]

    @property
    def ends(self) -> tuple[tuple[str, float], tuple[str, float]]:
        """Name and figure of the highest and of the lowest point of the first series."""
        known = [
            (name, value)
            for name, value in zip(self.names, self.series[0][1], strict=True)
            if value is not None
        ]
        return max(known, key=lambda p: p[1]), min(known, key=lambda p: p[1])

    def options(self) -> Options:
        """The chart as ECharts takes it."""
        return _line(self) if self.kind == "line" else _bars(self)


def picture(columns: Sequence[Column], rows: Sequence[Row]) -> Picture | None:
    """The chart that fits, or None when the rows have no name or time, or no figure."""
    figures = [n for n, c in enumerate(columns) if c.type.startswith(_FIGURES)]
    times = [n for n in range(len(columns)) if n not in figures and _is_time(columns[n], rows, n)]
    others = [n for n in range(len(columns)) if n not in figures and n not in times]
    names = [n for n in others if columns[n].type in ("string", "large_string", "bool")]
    if len(figures) > 1 and not times and not names:
        names, figures = figures[:1], figures[1:]
    if not rows or not figures or not (times or names):
        return None
    if times and _once(rows, times[:1]):
        made = _plain(columns, rows, times[0], figures, True)
    elif times:
        if not names or not _once(rows, [times[0], names[0]]):
            return None
        if len({row[names[0]] for row in rows}) > MOST_SERIES:
            return None
        made = _split(columns, rows, times[0], names[0], figures[0])
    else:
        made = _plain(columns, rows, names[0], figures, False)
    drawn = any(value is not None for _, values in made.series[:1] for value in values)
    return made if drawn else None


def _once(rows: Sequence[Row], numbers: list[int]) -> bool:
    """Whether each combination of these columns has one row: then it has one figure."""
    return len({tuple(str(row[n]) for n in numbers) for row in rows}) == len(rows)


def _is_time(column: Column, rows: Sequence[Row], number: int) -> bool:
    if column.type.startswith(("timestamp", "date")):
        return True
    if column.type not in ("string", "large_string"):
        return False
    values = [row[number] for row in rows[:200] if row[number] is not None]
    return bool(values) and all(_DATE_LIKE.match(value) for value in values)


def _plain(
    columns: Sequence[Column], rows: Sequence[Row], by: int, figures: list[int], timed: bool
) -> Picture:
    """Each figure a series: over time in time's order, by name as the question sorted it."""
    ordered = sorted(rows, key=lambda row: str(row[by])) if timed else list(rows)
    kept = ordered[-MOST_POINTS:] if timed else ordered[:MOST_BARS]
    shown = figures[:MOST_SERIES] if timed else figures[:1]
    series = [(columns[n].name, [_figure(row[n]) for row in kept]) for n in shown]
    names = [_name(row[by]) for row in kept]
    kind = "line" if timed else "bars"
    return Picture(kind, columns[by].name, columns[shown[0]].name, _days(names), series)


def _split(
    columns: Sequence[Column], rows: Sequence[Row], time: int, name: int, figure: int
) -> Picture:
    """One figure over time, a series for each name."""
    found: dict[str, dict[str, float | None]] = {}
    for row in rows:
        found.setdefault(_name(row[name]), {})[_name(row[time])] = _figure(row[figure])
    times = sorted({at for points in found.values() for at in points})[-MOST_POINTS:]
    series = [(called, [points.get(at) for at in times]) for called, points in found.items()]
    return Picture("line", columns[time].name, columns[figure].name, _days(times), series)


def _figure(value: Any) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _name(value: Any) -> str:
    return "–" if value is None else str(value)


def _days(names: list[str]) -> list[str]:
    """Times without what is the same in all: the hour where all are midnights, or the seconds."""
    for ending in ("T00:00:00Z", ":00Z", "Z"):
        if names and all(name.endswith(ending) and _DATE_LIKE.match(name) for name in names):
            return [name.removesuffix(ending).replace("T", " ") for name in names]
    return names


def _line(made: Picture) -> Options:
    several = len(made.series) > 1
    axis = category_axis(made.names)
    return {
        "tooltip": {"trigger": "axis"},
        "legend": {"top": 0, "left": 0, "icon": "circle", "type": "scroll", "show": several},
        "grid": {
            "left": 8,
            "right": 16,
            "top": 34 if several else 16,
            "bottom": 8,
            "containLabel": True,
        },
        "xAxis": {**axis, "boundaryGap": False, "axisLabel": {**axis["axisLabel"], **_INSIDE}},
        "yAxis": value_axis(),
        "series": [
            {
                "name": name,
                "type": "line",
                "data": values,
                "connectNulls": True,
                "showSymbol": len(values) < 40,
                "lineStyle": {"color": colour, "width": 2},
                "itemStyle": {"color": colour},
            }
            for (name, values), colour in zip(made.series, _COLOURS, strict=False)
        ],
    }


def _bars(made: Picture) -> Options:
    name, values = made.series[0]
    return {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "grid": {"left": 8, "right": 24, "top": 8, "bottom": 8, "containLabel": True},
        "xAxis": value_axis(),
        "yAxis": {
            **category_axis(made.names),
            "inverse": True,
            "axisLabel": {"fontSize": 12, "width": 150, "overflow": "truncate"},
        },
        "series": [
            {
                "name": name,
                "type": "bar",
                "barMaxWidth": 18,
                "data": values,
                "itemStyle": {"color": ACCENT},
            }
        ],
    }
