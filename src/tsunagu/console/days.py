"""Days on an axis: each between the first and the last, also those on which nothing happened."""

from __future__ import annotations

from collections.abc import Collection

from tsunagu.core.times import DAY


def without_gaps(starts: Collection[int]) -> list[int]:
    """The starts of all days from the first to the last of `starts`, which are days' starts.

    Where clocks change a day has 23 or 25 hours: the start on record then stands for its day.
    """
    known, last = sorted(starts), max(starts)
    days: list[int] = []
    day = known[0]
    while day <= last + DAY // 2:
        day = next((start for start in known if abs(start - day) <= DAY // 12), day)
        days.append(day)
        day += DAY
    return days
