"""Charts: ECharts options in the console's looks. Each chart's words stand around it, not in it."""

from __future__ import annotations

from typing import Any

from nicegui import ui

ACCENT, INK, MUTED, LINE = "#0f766e", "#1c2230", "#626a7c", "#e6e8ee"
GREY, AMBER, BLUE, RED = "#9aa3b5", "#c98a1b", "#3a56a5", "#d4685e"
_FONT = (
    "-apple-system, 'Segoe UI', Roboto, 'Hiragino Sans', 'Yu Gothic UI', 'Noto Sans JP', "
    "'Noto Sans CJK JP', sans-serif"
)
Options = dict[str, Any]


def chart(options: Options, label: str, cls: str = "chart") -> ui.echart:
    """A chart as an element; `label` says to screen readers what it shows."""
    element = ui.echart({**_BASE, **options}, renderer="svg").classes(cls)
    element.props["role"] = "img"
    element.props["aria-label"] = label
    return element


_BASE: Options = {
    "animationDuration": 300,
    "textStyle": {"fontFamily": _FONT, "color": INK},
    "grid": {"left": 8, "right": 16, "top": 16, "bottom": 8, "containLabel": True},
}


def category_axis(names: list[str]) -> Options:
    """A horizontal axis of names."""
    return {
        "type": "category",
        "data": names,
        "axisLine": {"lineStyle": {"color": LINE}},
        "axisTick": {"show": False},
        "axisLabel": {"color": MUTED, "fontSize": 12, "hideOverlap": True},
    }


def value_axis(formatter: str = "{value}", **more: Any) -> Options:
    """An axis of figures with faint lines."""
    return {
        "type": "value",
        "axisLabel": {"color": MUTED, "fontSize": 12, "formatter": formatter},
        "splitLine": {"lineStyle": {"color": "#eef0f4"}},
        **more,
    }


def area(names: list[str], values: list[float], series: str) -> Options:
    """A quantity over time."""
    return {
        "tooltip": {"trigger": "axis"},
        "xAxis": {**category_axis(names), "boundaryGap": False},
        "yAxis": value_axis(minInterval=1),
        "series": [
            {
                "name": series,
                "type": "line",
                "data": values,
                "showSymbol": len(values) < 2,
                "lineStyle": {"color": ACCENT, "width": 2},
                "itemStyle": {"color": ACCENT},
                "areaStyle": {"color": ACCENT, "opacity": 0.09},
            }
        ],
    }


def stacked_days(names: list[str], series: list[tuple[str, str, list[int]]]) -> Options:
    """Counts a day, one upon the other: series of (name, colour, counts)."""
    return {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "legend": {"top": 0, "left": 0, "icon": "circle", "itemWidth": 9, "itemHeight": 9},
        "grid": {"left": 8, "right": 8, "top": 34, "bottom": 8, "containLabel": True},
        "xAxis": category_axis(names),
        "yAxis": value_axis(minInterval=1),
        "series": [
            {
                "name": name,
                "type": "bar",
                "stack": "all",
                "barMaxWidth": 26,
                "data": counts,
                "itemStyle": {"color": colour},
            }
            for name, colour, counts in series
        ],
    }


# Draws a line from low to high with its estimate on it; values are (value, low, high, row).
_INTERVAL_ROW = """(params, api) => {
  const color = api.visual('color');
  const at = (index) => api.coord([api.value(index), api.value(3)]);
  const [middle, low, high] = [at(0), at(1), at(2)];
  const line = (x1, y1, x2, y2) => ({
    type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke: color, lineWidth: 2.5 },
  });
  const end = ([x, y]) => line(x, y - 6, x, y + 6);
  return { type: 'group', children: [
    line(...low, ...high), end(low), end(high),
    {
      type: 'circle', shape: { cx: middle[0], cy: middle[1], r: 6 },
      style: { fill: color, stroke: '#fff', lineWidth: 2 },
    },
  ] };
}"""

# The same upright: values are (x, value, low, high).
_INTERVAL_UPRIGHT = """(params, api) => {
  const color = api.visual('color');
  const at = (index) => api.coord([api.value(0), api.value(index)]);
  const [middle, low, high] = [at(1), at(2), at(3)];
  return { type: 'group', children: [
    {
      type: 'line', shape: { x1: low[0], y1: low[1], x2: high[0], y2: high[1] },
      style: { stroke: color, lineWidth: 1.6, opacity: 0.75 },
    },
    {
      type: 'circle', shape: { cx: middle[0], cy: middle[1], r: 5 },
      style: { fill: color, stroke: '#fff', lineWidth: 1.5 },
    },
  ] };
}"""

Interval = tuple[float, float, float]


def interval_rows(
    rows: list[tuple[str, Interval, str]],
    axis: str,
    *,
    formatter: str = "{value}",
    mark: float | None = None,
    bounds: tuple[float | None, float | None] = (None, None),
) -> Options:
    """Estimates with their intervals, one row each: name, (value, low, high), colour.

    `mark` is where a dotted line stands: the value that means nothing happened.
    """
    data = [
        {"value": [*interval, index], "itemStyle": {"color": colour}}
        for index, (_, interval, colour) in enumerate(rows)
    ]
    series: Options = {
        "type": "custom",
        ":renderItem": _INTERVAL_ROW,
        "data": data,
        "encode": {"x": [0, 1, 2], "y": 3},
        "clip": False,
    }
    if mark is not None:
        series["markLine"] = _dotted_line_at(mark)
    names = category_axis([name for name, _, _ in rows])
    names["axisLabel"] = {"color": INK, "fontSize": 13, "fontWeight": 600}
    return {
        "grid": {"left": 8, "right": 24, "top": 12, "bottom": 30, "containLabel": True},
        "xAxis": value_axis(
            formatter,
            name=axis,
            nameLocation="middle",
            nameGap=30,
            nameTextStyle={"color": MUTED, "fontSize": 12},
            min=bounds[0],
            max=bounds[1],
            scale=True,
        ),
        "yAxis": {**names, "inverse": True},
        "series": [series],
    }


def _dotted_line_at(value: float) -> Options:
    return {
        "silent": True,
        "symbol": "none",
        "label": {"show": False},
        "lineStyle": {"color": GREY, "type": "dashed", "width": 1.5},
        "data": [{"xAxis": value}],
    }


def calibration(
    groups: list[tuple[str, str, list[tuple[float, float, float, float]]]], x: str, y: str
) -> Options:
    """Said against happened in percent: groups of (name, colour, [(said, happened, low, high)])."""
    largest = max((max(p[0], p[3]) for _, _, points in groups for p in points), default=1.0)
    top = min(100.0, 5 * (int(largest / 5) + 1))
    label = {"nameLocation": "middle", "nameTextStyle": {"color": MUTED, "fontSize": 12}}
    series: list[Options] = [
        {
            "type": "line",
            "data": [[0, 0], [top, top]],
            "showSymbol": False,
            "silent": True,
            "lineStyle": {"color": GREY, "type": "dashed", "width": 1.5},
        }
    ]
    series += [
        {
            "name": name,
            "type": "custom",
            ":renderItem": _INTERVAL_UPRIGHT,
            "data": [list(point) for point in points],
            "itemStyle": {"color": colour},
            "encode": {"x": 0, "y": [1, 2, 3]},
        }
        for name, colour, points in groups
    ]
    return {
        "legend": {"data": [name for name, _, _ in groups], "top": 0, "left": 0, "icon": "circle"},
        "grid": {"left": 26, "right": 16, "top": 36, "bottom": 30, "containLabel": True},
        "xAxis": value_axis("{value}%", name=x, nameGap=28, min=0, max=top, **label),
        "yAxis": value_axis("{value}%", name=y, nameGap=44, min=0, max=top, **label),
        "series": series,
    }


def weights(rows: list[tuple[str, float]]) -> Options:
    """Signed weights as bars from the middle."""
    return {
        "grid": {"left": 8, "right": 24, "top": 8, "bottom": 8, "containLabel": True},
        "xAxis": value_axis(),
        "yAxis": {**category_axis([name for name, _ in rows]), "inverse": True},
        "series": [
            {
                "type": "bar",
                "barMaxWidth": 16,
                "data": [
                    {
                        "value": round(value, 3),
                        "itemStyle": {"color": ACCENT if value > 0 else AMBER},
                    }
                    for _, value in rows
                ],
            }
        ],
    }
