"""Formats: figures, money, times and durations as the viewer reads them.

Times are shown in the viewer's zone with the zone named; money in the workspace's currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from tsunagu.console.phrases import Language
from tsunagu.core.times import DAY, HOUR, MINUTE, SECOND, moment

_SIGNS = {"USD": "$", "JPY": "¥", "EUR": "€", "GBP": "£"}
_WITHOUT_CENTS = {"JPY", "KRW"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOTHING = "–"
_SPANS = (
    (DAY, "day", "days", "日"),
    (HOUR, "hour", "hours", "時間"),
    (MINUTE, "minute", "minutes", "分"),
    (SECOND, "second", "seconds", "秒"),
)


def _one_place(value: float) -> str:
    return f"{value:,.1f}"


@dataclass(frozen=True)
class Formats:
    """How one viewer reads figures and times."""

    language: Language
    zone: ZoneInfo
    currency: str

    def number(self, value: float | None, places: int = 0) -> str:
        """A figure with thousands separators."""
        return NOTHING if value is None else f"{value:,.{places}f}"

    def percent(self, share: float | None, places: int = 1) -> str:
        """A share of one as a percentage."""
        return NOTHING if share is None else f"{share * 100:,.{places}f}%"

    def points(self, share: float | None, places: int = 1) -> str:
        """A difference of two shares in percentage points, with its sign."""
        if share is None:
            return NOTHING
        unit = "ポイント" if self.language == "ja" else " pt"
        return f"{share * 100:+,.{places}f}{unit}".replace("-", "−")

    def money(self, amount: float | None) -> str:
        """An amount in the workspace's currency."""
        if amount is None:
            return NOTHING
        places = 0 if self.currency in _WITHOUT_CENTS else 2
        sign = _SIGNS.get(self.currency)
        figure = f"{abs(amount):,.{places}f}"
        minus = "−" if amount < 0 else ""
        return f"{minus}{sign}{figure}" if sign else f"{minus}{figure} {self.currency}"

    def local(self, at: int) -> datetime:
        """A time in the viewer's zone."""
        return moment(at).astimezone(self.zone)

    def day(self, at: int | None) -> str:
        """The date."""
        if not at:
            return NOTHING
        here = self.local(at)
        if self.language == "ja":
            return f"{here.year}年{here.month}月{here.day}日"
        return f"{here.day} {_MONTHS[here.month - 1]} {here.year}"

    def short_day(self, at: int) -> str:
        """The date without its year, for axes."""
        here = self.local(at)
        if self.language == "ja":
            return f"{here.month}/{here.day}"
        return f"{here.day} {_MONTHS[here.month - 1]}"

    def time(self, at: int | None) -> str:
        """Date and time to the minute; the zone is named by `zone_name` beside it."""
        return NOTHING if not at else f"{self.day(at)} {self.local(at):%H:%M}"

    def time_zoned(self, at: int | None) -> str:
        """Date, time and the zone's short name."""
        return NOTHING if not at else f"{self.time(at)} {self.zone_name(at)}"

    def clock(self, at: int) -> str:
        """The time of day to the second."""
        return f"{self.local(at):%H:%M:%S}"

    def zone_name(self, at: int | None = None) -> str:
        """The zone's short name, or its place where it has only an offset."""
        name = self.local(at).tzname() if at else None
        if name is None or name[:1] in "+-":
            return self.zone.key.replace("_", " ")
        return name

    def span(self, micros: int) -> str:
        """A length of time in the largest fitting unit."""
        for size, one, many, kanji in _SPANS:
            if micros >= size:
                value = round(micros / size, 1 if micros < 10 * size else 0)
                written = f"{value:,.0f}" if value == int(value) else _one_place(value)
                if self.language == "ja":
                    return f"{written}{kanji}"
                return f"{written} {one if written == '1' else many}"
        return f"{micros / 1000:,.0f}{'ミリ秒' if self.language == 'ja' else ' ms'}"

    def size(self, count: int) -> str:
        """Bytes as kB, MB or GB."""
        value = float(count)
        for unit in ("B", "kB", "MB", "GB"):
            if value < 1000 or unit == "GB":
                return f"{value:,.0f} {unit}" if unit == "B" else f"{_one_place(value)} {unit}"
            value /= 1000
        raise AssertionError("unreachable")
