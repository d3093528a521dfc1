"""Figures, money and times as viewers read them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from tsunagu.console.formats import Formats
from tsunagu.console.markup import el, join
from tsunagu.console.pages.audiences import daily_sizes
from tsunagu.console.rule_text import draw_rule
from tsunagu.core.times import DAY, HOUR, MINUTE, SECOND, parse_time
from tsunagu.profiles import DayChange

AT = parse_time("2017-12-08T15:30:00Z")
TOKYO = Formats("ja", ZoneInfo("Asia/Tokyo"), "JPY")
NEW_YORK = Formats("en", ZoneInfo("America/New_York"), "USD")


def test_times_name_their_zone() -> None:
    assert TOKYO.time_zoned(AT) == "2017年12月9日 00:30 JST"
    assert NEW_YORK.time_zoned(AT) == "8 Dec 2017 10:30 EST"
    assert NEW_YORK.time_zoned(0) == "–"
    assert Formats("en", ZoneInfo("America/Sao_Paulo"), "BRL").zone_name(AT) == "America/Sao Paulo"


def test_money_is_in_the_workspaces_currency() -> None:
    assert TOKYO.money(1234567) == "¥1,234,567"
    assert NEW_YORK.money(-1234.5) == "−$1,234.50"
    assert Formats("en", ZoneInfo("UTC"), "CHF").money(2) == "2.00 CHF"


def test_figures_and_spans_have_units() -> None:
    assert NEW_YORK.number(1234567.4) == "1,234,567"
    assert NEW_YORK.points(-0.0099) == "−1.0 pt"
    assert TOKYO.points(0.055) == "+5.5ポイント"
    assert NEW_YORK.span(7 * DAY) == "7 days"
    assert NEW_YORK.span(DAY) == "1 day"
    assert TOKYO.span(90 * MINUTE) == "1.5時間"
    assert NEW_YORK.span(3 * HOUR + SECOND) == "3 hours"
    assert NEW_YORK.span(42_000) == "42 ms"
    assert NEW_YORK.size(11_300_000) == "11.3 MB"


def test_markup_is_escaped_where_it_is_made() -> None:
    made = el("a", "<b>Grace & O'Neill</b>", join("x<", el("i", "y")), href='/?q="><script>')
    assert made == (
        '<a href="/?q=&quot;&gt;&lt;script&gt;">'
        "&lt;b&gt;Grace &amp; O&#x27;Neill&lt;/b&gt;x&lt;<i>y</i></a>"
    )


def test_a_rule_is_broken_before_its_joining_words_but_not_in_texts() -> None:
    drawn = draw_rule("country = 'rock and roll' and did('Order') >= 2")
    assert "&#x27;rock and roll&#x27;" in drawn
    assert '\n<span class="tk-word">and</span>' in drawn


def test_sizes_have_no_gaps_between_days() -> None:
    start = parse_time("2017-11-01T04:00:00Z")
    changes = [DayChange(start, 5, 0), DayChange(start + 3 * DAY, 2, 1)]
    days, sizes = daily_sizes(changes)
    assert days == [start + n * DAY for n in range(4)]
    assert sizes == [5, 5, 5, 6]


def test_a_day_of_25_hours_does_not_shift_the_days_after_it() -> None:
    # New York set its clocks back on 5 November 2017.
    before = parse_time("2017-11-05T04:00:00Z")
    after = parse_time("2017-11-06T05:00:00Z")
    days, sizes = daily_sizes([DayChange(before, 1, 0), DayChange(after, 2, 0)])
    assert days == [before, after]
    assert sizes == [1, 3]
