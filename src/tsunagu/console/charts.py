"""Charts: ECharts options in the console's looks. Each chart's words stand around it, not in it."""

from __future__ import annotations

from typing import Any

from nicegui import ui

ACCENT, INK, MUTED, LINE = "#0f766e", "#1c2230", "#626a7c", "#e6e8ee"
GREY, AMBER, BLUE = "#9aa3b5", "#c98a1b", "#3a56a5"
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
