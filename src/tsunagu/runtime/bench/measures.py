"""One figure of a bench: ours, the limit or peer of the same run, the bar, whether it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec


@dataclass(frozen=True)
class Measure:
    """A figure. `limit` was measured in the same run on the same work; `bar` is a promise.

    With `below`, the bar is the most that is allowed; otherwise the least. `on_ratio` puts the
    bar on value / limit instead of the value.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    bar: float | None = None
    below: bool = False
    on_ratio: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours over the limit."""
        return self.value / self.limit if self.limit else None

    @property
    def ok(self) -> bool | None:
        """Whether the bar holds; None where there is no bar."""
        figure = self.ratio if self.on_ratio else self.value
        if self.bar is None or figure is None:
            return None
        return figure <= self.bar if self.below else figure >= self.bar

    def json(self) -> str:
        """The figure as one line of JSON."""
        shown = {key: asdict(self)[key] for key in ("name", "value", "unit", "limit", "bar")}
        return msgspec.json.encode(shown | {"ratio": self.ratio, "ok": self.ok}).decode()

    def cells(self) -> list[str]:
        """The figure as a row for people."""
        holds = {True: "yes", False: "MISSED", None: ""}[self.ok]
        numbers = [_number(n) for n in (self.value, self.limit, self.ratio, self.bar)]
        return [self.name, numbers[0], self.unit, *numbers[1:], holds]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
