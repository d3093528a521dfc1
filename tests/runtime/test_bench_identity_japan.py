"""The made records of Japan: what the labels say is so, and the rates are those that are stated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from tsunagu.core import Invalid
from tsunagu.runtime.bench.identity_japan import make_records, rates, write_parquet
from tsunagu.runtime.bench.identity_japan.homes import Homes
from tsunagu.runtime.bench.identity_japan.households import population
from tsunagu.runtime.bench.identity_japan.names import Names
from tsunagu.runtime.bench.identity_japan.romaji import Spelling, romanise
from tsunagu.runtime.bench.identity_japan.towns import Towns

PEOPLE = 3_000
# Damage that every record with the field can take: its share must be the stated one.
ALWAYS_POSSIBLE = {
    "phone_digit",
    "birth_digit",
    "era_off",
    "postcode_neighbour",
    "typo_kana",
    "typo_romaji",
    "typo_email",
    "phone_81",
    "swapped_order",
}


@pytest.fixture(scope="module")
def made() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        make_records(connection, PEOPLE)
        yield connection


def rows(made: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return made.execute(sql).fetchall()


def one(made: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return rows(made, sql)[0][0]


def tables(people: int, seed: int) -> list[list[tuple[Any, ...]]]:
    with duckdb.connect() as connection:
        make_records(connection, people, seed)
        return [
            rows(connection, f"select * from {table} order by unique_id")
            for table in ("records", "truth")
        ]


def test_the_same_seed_makes_the_same_tables_and_another_seed_others():
    assert tables(200, 7) == tables(200, 7)
    assert tables(200, 7) != tables(200, 8)


def test_a_population_of_nobody_is_refused(made: duckdb.DuckDBPyConnection):
    with pytest.raises(Invalid, match="at least one"):
        make_records(made, 0)


def test_records_are_numbered_without_holes_and_shuffled(made: duckdb.DuckDBPyConnection):
    count = one(made, "select count(*) from records")
    for table in ("records", "truth"):
        found = f"select count(distinct unique_id), min(unique_id), max(unique_id) from {table}"
        assert rows(made, found) == [(count, 1, count)]
    neighbours = "select count(*) from truth a join truth b on b.unique_id = a.unique_id + 1"
    assert one(made, f"{neighbours} where a.person = b.person") < 10


def test_everybody_has_one_to_five_records_at_the_stated_shares(made: duckdb.DuckDBPyConnection):
    counts = rows(
        made,
        """
        select records, count(*) from (select count(*) as records from truth group by person)
        group by records order by records
        """,
    )
    assert sum(people for _, people in counts) == PEOPLE
    for records, people in counts:
        assert people / PEOPLE == pytest.approx(rates.RECORDS_PER_PERSON[records], abs=0.03)


def test_the_truth_says_everything(made: duckdb.DuckDBPyConnection):
    for column in ("unique_id", "person", "household", "damage"):
        assert one(made, f"select count(*) from truth where {column} is null") == 0
    known = {damage.name for damage in rates.BELIEVED + rates.WRITTEN}
    known |= {*rates.OUT_OF_DATE, *rates.CUT, ""}
    named = rows(made, "select distinct unnest(string_split(damage, ',')) from truth")
    assert {name for (name,) in named} <= known
    per_person = "select count(distinct household) as n from truth group by person"
    assert one(made, f"select max(n) from ({per_person})") == 1


def test_each_damage_is_done_at_about_its_rate(made: duckdb.DuckDBPyConnection):
    for damage in rates.BELIEVED + rates.WRITTEN:
        for source, rate in damage.rates.items():
            found, done = rows(
                made,
                f"""
                select count(*),
                    count(*) filter (list_contains(string_split(damage, ','), '{damage.name}'))
                from records join truth using (unique_id)
                where source = '{source}' and {damage.field} is not null
                """,
            )[0]
            expected = rate * found
            slack = 4 * (expected + 1) ** 0.5
            assert done <= expected + slack, (damage.name, source)
            if damage.name in ALWAYS_POSSIBLE:
                assert done >= expected - slack, (damage.name, source)


def test_every_damage_happens(made: duckdb.DuckDBPyConnection):
    named = rows(made, "select distinct unnest(string_split(damage, ',')) from truth")
    happened = {name for (name,) in named}
    assert {damage.name for damage in rates.BELIEVED + rates.WRITTEN} <= happened
    assert set(rates.OUT_OF_DATE) <= happened


def test_every_record_has_a_name_and_two_strong_fields(made: duckdb.DuckDBPyConnection):
    assert one(made, "select count(*) from records where coalesce(name, kana) is null") == 0
    strong = " + ".join(f"({field} is not null)::int" for field in rates.STRONG)
    assert one(made, f"select min({strong}) from records") >= rates.FEWEST_STRONG


def test_the_old_host_holds_half_width_kana_cut_at_its_length(made: duckdb.DuckDBPyConnection):
    held = rows(made, "select kana, address from records where source = 'host'")
    for kana, address in held:
        assert len(kana) <= rates.NAME_CUT
        assert address is None or len(address) <= rates.ADDRESS_CUT
        assert all("｡" <= character <= "ﾟ" or character in " -" for character in kana), kana
        assert not set("ｧｨｩｪｫｬｭｮｯ") & set(kana)
    dates = "select birth_date from records where source = 'host' and birth_date not like '%19%'"
    assert all(len(date) == 8 for (date,) in rows(made, dates) if date.isdigit())


def test_each_source_writes_in_its_own_way(made: duckdb.DuckDBPyConnection):
    latin = "regexp_full_match(name, '[A-Za-z ,]+')"
    assert one(made, f"select count(*) from records where source = 'app' and not {latin}") == 0
    assert one(made, "select count(*) from records where source = 'app' and kana is not null") == 0
    no_mail = "source in ('store', 'host') and email is not null"
    assert one(made, f"select count(*) from records where {no_mail}") == 0
    era = "regexp_matches(birth_date, '^(S|H|R|昭和|平成|令和)')"
    dated = "source = 'store' and birth_date is not null"
    assert one(made, f"select avg({era}::int) from records where {dated}") > 0.95


def test_a_mover_has_two_addresses(made: duckdb.DuckDBPyConnection):
    moved = rows(
        made,
        """
        select max(r.address) filter (old), max(r.address) filter (not old)
        from records as r join
            (select *, list_contains(string_split(damage, ','), 'old_home') as old from truth) as t
            using (unique_id)
        where r.address is not null and damage not like '%placeholder%'
        group by t.person having bool_or(old) and not bool_and(old)
        """,
    )
    assert len(moved) > 50
    assert all(before != after for before, after in moved)


def test_twins_share_household_and_birth_date_and_are_two_people():
    chance = Random(1)
    people = population(Names(), Homes(Towns(chance), chance), chance, 10_000)
    born: dict[tuple[Any, ...], list[Any]] = {}
    for person in people:
        born.setdefault((person.household, person.born), []).append(person)
    twins = [pair for pair in born.values() if len(pair) == 2]
    assert len(twins) > 5
    alike = [a for a, b in twins if a.surnames == b.surnames and a.homes == b.homes]
    assert len(alike) >= 0.8 * len(twins)
    for one_twin, other in twins:
        assert one_twin.number != other.number
        assert one_twin.given != other.given


def test_surnames_are_as_frequent_as_in_life():
    surnames = Names().surnames
    whole = sum(weight for _, weight in surnames.entries)
    share = {name.kanji: weight / whole for name, weight in surnames.entries}
    assert share["佐藤"] == pytest.approx(0.015, abs=0.001)
    assert share["鈴木"] == pytest.approx(0.0144, abs=0.001)
    assert len(share) > 3_000
    assert len(surnames.by_kana["さいとう"]) >= 2


@pytest.mark.parametrize(
    ("reading", "spelling", "letters"),
    [
        ("さとう", Spelling(), "sato"),
        ("さとう", Spelling(long="oh"), "satoh"),
        ("さとう", Spelling(long="keep"), "satou"),
        ("いの-うえ", Spelling(), "inoue"),
        ("まつ-うら", Spelling(), "matsuura"),
        ("はっとり", Spelling(), "hattori"),
        ("ほんま", Spelling(m=True), "homma"),
        ("しょう-いち", Spelling(kunrei=True), "syoiti"),
        ("じゅんこ", Spelling(), "junko"),
        ("ちづる", Spelling(), "chizuru"),
        ("かをる", Spelling(), "kaoru"),
    ],
)
def test_readings_are_romanised_as_people_write_them(
    reading: str, spelling: Spelling, letters: str
):
    assert romanise(reading, spelling) == letters


def test_the_tables_are_written_for_another_matcher(tmp_path: Path):
    write_parquet(tmp_path, people=50)
    with duckdb.connect() as connection:
        joined = f"'{tmp_path}/records.parquet' join '{tmp_path}/truth.parquet' using (unique_id)"
        assert one(connection, f"select count(distinct person) from {joined}") == 50
