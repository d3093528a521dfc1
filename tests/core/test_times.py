"""Times are integers; zones are applied only where a person lives."""

from datetime import UTC, datetime

import pytest

from tsunagu.core import times


def test_a_local_day_starts_at_local_midnight_even_when_the_clocks_change() -> None:
    new_york = times.zone("America/New_York")
    noon = times.micros(datetime(2017, 11, 5, 17, tzinfo=UTC))
    day = times.day_number(noon, new_york)
    assert times.iso(times.day_start(day, new_york)) == "2017-11-05T04:00:00.000Z"
    assert times.iso(times.day_start(day + 1, new_york)) == "2017-11-06T05:00:00.000Z"


def test_an_unknown_zone_falls_back_instead_of_dropping_the_customer() -> None:
    assert times.zone("Mars/Olympus", "Asia/Tokyo").key == "Asia/Tokyo"
    assert times.zone(None).key == "UTC"


def test_durations_say_how_to_write_them() -> None:
    assert times.parse_duration("30 days") == 30 * times.DAY
    with pytest.raises(ValueError, match="write for example"):
        times.parse_duration("soon")


def test_iso_text_comes_back_to_the_same_microsecond() -> None:
    at = times.parse_time("2017-10-30T01:02:03.456Z")
    assert times.iso(at) == "2017-10-30T01:02:03.456Z"
