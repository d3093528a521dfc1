"""The columns of a source as bars: what share is good, and what the rest is."""

from __future__ import annotations

from tsunagu.console.comparing import column_name
from tsunagu.console.markup import Html, div, span
from tsunagu.console.visit import Visit
from tsunagu.console.words import quality
from tsunagu.identity.quality import ColumnQuality, SourceQuality

# In the order of the bar; what is missing is its empty track.
_ORDER = ("good", "placeholder", "unreadable", "shared", "held", "missing")


def legend(visit: Visit) -> Html:
    """What the parts of a bar mean."""
    parts = [
        div(
            "quality-key",
            span(f"quality-swatch {name}"),
            div(
                "",
                div("strong small", visit.say(quality.VERDICTS[name])),
                div("muted small", visit.say(quality.MEANINGS[name])),
            ),
        )
        for name in _ORDER
    ]
    return div("quality-legend", parts)


def bars(visit: Visit, source: SourceQuality) -> Html:
    """A bar for each column that the source fills, in the order of the record."""
    rows = [_row(visit, source, column) for column in source.columns if column.filled]
    return div("quality-rows", rows)


def _row(visit: Visit, source: SourceQuality, column: ColumnQuality) -> Html:
    shares = {name: getattr(column, name) / source.sampled for name in _ORDER}
    parts = [
        span(f"quality-part {name}", style=f"width:{shares[name] * 100:.2f}%")
        for name in _ORDER
        if shares[name] and name != "missing"
    ]
    said = [
        f"{visit.say(quality.VERDICTS[name])} {_percent(visit, shares[name])}"
        for name in _ORDER
        if shares[name] and name != "good"
    ]
    return div(
        "quality-row",
        div("", column_name(visit, column.column)),
        div("", div("quality-track", parts), div("muted small", " · ".join(said))),
        div(
            "num",
            span("strong", _percent(visit, shares["good"])),
            div("muted small", visit.say(quality.VERDICTS["good"])),
        ),
    )


def _percent(visit: Visit, share: float) -> str:
    """A share that is neither 0 % nor 100 % when it is only nearly so."""
    return visit.formats.percent(share, 0 if 0.01 <= share <= 0.99 or share in (0, 1) else 1)
