"""Sight: what the rules of a workspace see of one customer at one moment.

Every observation needs three things of the same buckets: those that no window reaches any more
go, the rest are summed into a row of features, and the first to leave a window sets the time at
which an answer may change without an event. They are taken together, and the bounds of all
windows are worked out once for each hour of business time, because this runs for every event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tsunagu.core.rules import Feature, trait_text
from tsunagu.core.times import HOUR, day_number, day_start
from tsunagu.profiles.features import Need, Plan
from tsunagu.profiles.state import Counter, Number, State

_FAR = 1 << 62
_NONE: dict[int, float] = {}


class _Window(NamedTuple):
    """A feature over buckets: its place in the row, its first bucket, how many it holds."""

    place: int
    first: int
    width: int


class _Series(NamedTuple):
    """The features over one series of figures: an event's count or a property's sum."""

    totals: tuple[int, ...]
    days: tuple[_Window, ...]
    hours: tuple[_Window, ...]


class _Watch(NamedTuple):
    """All features over one event, with the oldest buckets that any of them reaches."""

    event: str
    oldest_day: int
    oldest_hour: int
    firsts: tuple[int, ...]
    lasts: tuple[int, ...]
    counts: _Series
    sums: tuple[tuple[str, _Series], ...]


class Sight:
    """The plan's windows as they lie at one hour; it moves along as `now` does."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._places = {feature: place for place, feature in enumerate(plan.features)}
        self._blank = [_blank(feature) for feature in plan.features]
        self._hour = self._day = -1
        self._watches: tuple[_Watch, ...] = ()

    def look(self, state: State, now: int) -> tuple[list[Any], int]:
        """Prune a customer's buckets and read them.

        Args:
            state: the customer; buckets out of every window's reach are dropped in place.
            now: the business time of the observation.

        Returns:
            The values of `plan.columns`, and when a window next loses a bucket (0 is never).
        """
        self._move(now)
        row = self._blank.copy()
        day = hour = _FAR
        counters = state.counters
        for watch in self._watches:
            counter = counters.get(watch.event)
            if counter is None:
                continue
            _prune(counter, watch)
            for place in watch.firsts:
                row[place] = counter.first
            for place in watch.lasts:
                row[place] = counter.last
            series = watch.counts
            for place in series.totals:
                row[place] = counter.total
            day = _read(row, counter.days, series.days, day)
            hour = _read(row, counter.hours, series.hours, hour)
            for name, series in watch.sums:
                total, days, hours = counter.sums.get(name, (0.0, _NONE, _NONE))
                for place in series.totals:
                    row[place] = total
                day = _read(row, days, series.days, day)
                hour = _read(row, hours, series.hours, hour)
        traits = state.traits
        for name in self._plan.traits:
            held = traits.get(name)
            row.append(None if held is None else trait_text(held[0]))
        return row, self._wake(day, hour)

    def _wake(self, day: int, hour: int) -> int:
        """The earlier of the starts of a day and of an hour that something leaves at."""
        wake = _FAR if day == _FAR else day_start(day, self._plan.zone)
        wake = wake if hour == _FAR else min(wake, hour * HOUR)
        return 0 if wake == _FAR else wake

    def _move(self, now: int) -> None:
        hour, day = now // HOUR, day_number(now, self._plan.zone)
        if hour == self._hour and day == self._day:
            return
        self._hour, self._day = hour, day
        self._watches = tuple(self._watch(*item) for item in self._plan.needs.items())

    def _watch(self, event: str, need: Need) -> _Watch:
        own = [feature for feature in self._plan.features if feature.event == event]
        sums = {feature.property or "": None for feature in own if feature.kind == "sum"}
        return _Watch(
            event,
            self._day - need.days,
            self._hour - need.hours,
            self._of("first", own),
            self._of("last", own),
            self._series([f for f in own if f.kind == "count"]),
            tuple(
                (name, self._series([f for f in own if f.kind == "sum" and f.property == name]))
                for name in sums
            ),
        )

    def _of(self, kind: str, features: list[Feature]) -> tuple[int, ...]:
        return tuple(self._places[f] for f in features if f.kind == kind)

    def _series(self, features: list[Feature]) -> _Series:
        return _Series(
            tuple(self._places[f] for f in features if f.within is None),
            self._windows([f for f in features if f.unit == "day"], self._day),
            self._windows([f for f in features if f.unit == "hour"], self._hour),
        )

    def _windows(self, features: list[Feature], last: int) -> tuple[_Window, ...]:
        return tuple(_Window(self._places[f], last - f.buckets + 1, f.buckets) for f in features)


def _blank(feature: Feature) -> Any:
    """What a feature is for a customer who never did it."""
    if feature.kind in ("first", "last"):
        return None
    return 0 if feature.kind == "count" else 0.0


def _read(
    row: list[Any], buckets: Mapping[int, float], windows: tuple[_Window, ...], leaving: int
) -> int:
    """Sum the buckets into their places; the first bucket at which one has left its window."""
    for place, first, width in windows:
        total = row[place]
        for bucket, value in buckets.items():
            if bucket >= first:
                total += value
                if bucket + width < leaving:
                    leaving = bucket + width
        row[place] = total
    return leaving


def _prune(counter: Counter, watch: _Watch) -> None:
    day, hour = watch.oldest_day, watch.oldest_hour
    if counter.days and min(counter.days) < day:
        counter.days = _since(counter.days, day)
    if counter.hours and min(counter.hours) < hour:
        counter.hours = _since(counter.hours, hour)
    for name, (total, days, hours) in counter.sums.items():
        if (days and min(days) < day) or (hours and min(hours) < hour):
            counter.sums[name] = (total, _since(days, day), _since(hours, hour))


def _since(buckets: dict[int, Number], oldest: int) -> dict[int, Number]:
    return {bucket: value for bucket, value in buckets.items() if bucket >= oldest}
