"""Time as the platform keeps it: whole microseconds since 1970 in UTC, `int` everywhere.

Integers compare, hash and travel through Arrow and JSON without a zone to get wrong; a zone
is applied only where a person lives (quiet hours, day buckets).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION = re.compile(r"^\s*(\d{1,6})\s*(second|minute|hour|day|week)s?\s*$")
_UNITS = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY, "week": 7 * DAY}


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def moment(at: int) -> datetime:
    """The aware UTC datetime of `at` microseconds."""
    return _EPOCH + timedelta(microseconds=at)


def wall() -> int:
    """The machine's time now, in microseconds."""
    return micros(datetime.now(UTC))


def parse_time(text: str) -> int:
    """Microseconds of an ISO 8601 text; a text without a zone is UTC.

    Raises:
        ValueError: the text is not a time.
    """
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return micros(parsed)


def iso(at: int) -> str:
    """ISO 8601 text in UTC with milliseconds, as the Segment spec writes times."""
    return moment(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_duration(text: str) -> int:
    """Microseconds of a duration such as `30 days` or `6 hours`.

    Raises:
        ValueError: the text is not a duration.
    """
    match = _DURATION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write for example '30 days' or '6 hours'")
    return int(match[1]) * _UNITS[match[2]]


@lru_cache(maxsize=1024)
def zone(name: str | None, default: str = "UTC") -> ZoneInfo:
    """The zone called `name`, or the default when the name is missing or unknown.

    An unknown zone must never drop a customer, so it falls back instead of raising.
    """
    try:
        return ZoneInfo(name or default)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(default)


def local(at: int, tz: ZoneInfo) -> datetime:
    """`at` as a datetime in the zone."""
    return moment(at).astimezone(tz)


def day_number(at: int, tz: ZoneInfo) -> int:
    """The proleptic ordinal of the local day that holds `at` (quarter-hour zones included)."""
    quarter = at // (15 * MINUTE)
    return _day_of_quarter(quarter, tz)


@lru_cache(maxsize=262_144)
def _day_of_quarter(quarter: int, tz: ZoneInfo) -> int:
    return local(quarter * 15 * MINUTE, tz).toordinal()


@lru_cache(maxsize=65_536)
def day_start(day: int, tz: ZoneInfo) -> int:
    """The first microsecond of the local day with ordinal `day`."""
    start = datetime.fromordinal(day).replace(tzinfo=tz)
    return micros(start.astimezone(UTC))
