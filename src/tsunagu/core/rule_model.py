"""What a rule looks at: features of behaviour in whole buckets, and traits as text.

Live, profiles keep one counter, sum or time for each feature and bucket; in bulk the same
windows are taken over the lake. Both must agree to the last event, so what a bucket is, what
a window holds and what counts as an amount is said here once.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from tsunagu.core.errors import Invalid
from tsunagu.core.ids import stable_key
from tsunagu.core.times import DAY, HOUR, day_number, day_start, parse_duration

FeatureKind = Literal["count", "sum", "first", "last"]
Unit = Literal["hour", "day"]
ValueType = Literal["text", "number", "boolean", "time"]

LARGEST_AMOUNT = 1e15
MAX_WINDOW = 3_650 * DAY
_UNSAFE = re.compile(r"[^a-z0-9]+")


def _column(prefix: str, words: str, *names: str | int) -> str:
    slug = _UNSAFE.sub("_", words.lower()).strip("_")[:24]
    return f"{prefix}_{slug}_{stable_key(*names)[:12]}"


@dataclass(frozen=True, slots=True)
class Feature:
    """One figure about a customer's behaviour: how many, how much, first or last time.

    `within` is the window in microseconds, or None for all time; `unit` is its bucket: local
    days in the workspace's zone, or UTC hours for windows of at most 72 hours given in hours.
    """

    kind: FeatureKind
    event: str
    property: str | None = None
    within: int | None = None
    unit: Unit | None = None

    column: str = field(init=False, compare=False)
    """A stable column name, unique also where letter case does not count."""
    buckets: int = field(init=False, compare=False)
    """How many buckets the window holds; 0 for all time."""

    def __post_init__(self) -> None:
        names = (self.kind, self.event, self.property or "", self.within or 0, self.unit or "")
        column = _column(self.kind[0], f"{self.event}_{self.property or ''}", *names)
        object.__setattr__(self, "column", column)
        width = HOUR if self.unit == "hour" else DAY
        object.__setattr__(self, "buckets", (self.within or 0) // width)

    def bucket(self, at: int, tz: ZoneInfo) -> int:
        """The number of the bucket that holds `at`: an hour since 1970 or a day's ordinal."""
        return at // HOUR if self.unit == "hour" else day_number(at, tz)

    def window(self, now: int, tz: ZoneInfo) -> tuple[int, int]:
        """The first and the last bucket that count at `now`, both included."""
        last = self.bucket(now, tz)
        return last - self.buckets + 1, last

    def enters_at(self, bucket: int, tz: ZoneInfo) -> int:
        """When a bucket that lies ahead begins to count: the start of that bucket."""
        return bucket * HOUR if self.unit == "hour" else day_start(bucket, tz)

    def leaves_at(self, bucket: int, tz: ZoneInfo) -> int:
        """When a bucket stops counting: the first microsecond at which the window is past it."""
        return self.enters_at(bucket + self.buckets, tz)


def parse_window(written: str) -> tuple[int, Unit]:
    """A window as a rule states it, in microseconds, and the unit of its buckets.

    Raises:
        Invalid: it is no duration, too long, or no whole number of buckets.
    """
    try:
        within = parse_duration(written)
    except ValueError as error:
        raise Invalid(f"{error}.") from error
    if not 0 < within <= MAX_WINDOW:
        raise Invalid(f"{written!r}: a window is 1 hour to {MAX_WINDOW // DAY} days long.")
    if "hour" in written and within <= 72 * HOUR:
        return within, "hour"
    if "day" in written or "week" in written or ("hour" in written and within % DAY == 0):
        return within, "day"
    raise Invalid(f"{written!r}: a window is whole hours up to 72, or whole days.")


def trait_column(name: str) -> str:
    """The stable column name of a trait."""
    return _column("t", name, "trait", name)


def trait_text(value: Any) -> str | None:
    """A trait's JSON value as the text that rules compare; None for what is no scalar."""
    if value is None or isinstance(value, (list, dict, tuple)):
        return None
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def amount(value: Any) -> float:
    """What a property adds to a sum: JSON numbers below 1e15, and nothing else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    return float(value) if math.isfinite(value) and abs(value) < LARGEST_AMOUNT else 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A checked rule. `condition` is its SQL over the columns of `features` and `casts`."""

    source: str
    condition: str
    features: frozenset[Feature]
    casts: frozenset[tuple[str, ValueType]]
    ast: Any = field(compare=False, repr=False)

    @property
    def traits(self) -> frozenset[str]:
        """The names of the traits that the rule reads."""
        return frozenset(name for name, _ in self.casts)


def cast_column(trait: str, value_type: ValueType) -> str:
    """The column of a trait read as one type."""
    return f"{trait_column(trait)}_{value_type}"


def quote(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A quoted SQL text."""
    return "'" + value.replace("'", "''") + "'"
