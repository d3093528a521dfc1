"""The bench of identity: its records are what they say, and all its figures come out."""

from __future__ import annotations

import duckdb
import pytest

from tsunagu.identity.linking import train
from tsunagu.runtime.bench.identity import measure_on
from tsunagu.runtime.bench.identity_japanese import measure
from tsunagu.runtime.bench.identity_scale import make_records


@pytest.fixture
def made() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    make_records(connection, 5_000)
    return connection


def test_some_people_have_several_records_and_no_record_tells_whose_it_is(
    made: duckdb.DuckDBPyConnection,
) -> None:
    told = [row[0] for row in made.execute("describe records").fetchall()]
    assert told[0] == "unique_id"
    assert "person" not in told
    counted = made.execute("select count(*), count(distinct person) from truth").fetchall()
    assert counted == [(5_000, 4_000)]


def test_records_are_the_same_each_time(made: duckdb.DuckDBPyConnection) -> None:
    first = made.execute("select * from records order by unique_id").fetchall()
    make_records(made, 5_000)
    assert made.execute("select * from records order by unique_id").fetchall() == first


def test_values_are_missing_and_mistyped_as_often_as_said(made: duckdb.DuckDBPyConnection) -> None:
    ((missing,),) = made.execute("select avg((surname is null)::int) from records").fetchall()
    assert 0.06 < missing < 0.1
    ((agree,),) = made.execute(
        """
        select avg((l.birth_date = r.birth_date)::int) from truth as a join truth as b
            on a.person = b.person and a.unique_id < b.unique_id
        join records as l on l.unique_id = a.unique_id
        join records as r on r.unique_id = b.unique_id
        """
    ).fetchall()
    assert 0.7 < agree < 0.85


def test_every_figure_comes_out_and_holds_at_a_small_size() -> None:
    found = {one.name.removeprefix("identity.scale."): one for one in measure_on("scale", 1_500)}
    assert found["blocking_recall"].value > 0.85
    assert found["pairs_precision"].value > 0.95
    assert found["clusters_f1"].value >= found["pairs_f1"].value - 0.01
    assert {
        "train",
        "link",
        "whole",
        "beside_splink",
        "exponent",
        "exponent_of_linking",
        "memory",
    } <= found.keys()


def test_a_record_with_a_slip_is_found_again_live() -> None:
    found = {one.name.removeprefix("identity.live."): one for one in measure_on("live", 1_200)}
    assert found["found"].value > 0.97
    assert {"fill", "p50", "p99"} <= found.keys()


def test_japanese_records_are_linked_and_a_reading_is_left_out() -> None:
    found = {one.name.removeprefix("identity.japan."): one for one in measure(500, ["address"])}
    assert found["people"].value == 500
    assert found["blocking_recall"].value > 0.85
    precision, recall = found["pairs_precision"].value, found["pairs_recall"].value
    assert found["pairs_f1"].value == pytest.approx(2 * precision * recall / (precision + recall))
    assert found["pairs_recall"].value <= found["blocking_recall"].value
    assert found["household_linked"].value <= 1 - precision
    worth = found["pairs_f1"].value - found["pairs_f1_without_address"].value
    assert found["worth_of_address"].value == pytest.approx(worth)
    assert "worth_of_name" not in found


def test_who_moved_is_one_person_and_no_rival() -> None:
    with duckdb.connect() as connection:
        make_records(connection, 20_000)
        model = train(connection, "records")
    # Made people share no home; who agrees in all but the address is one person who moved.
    assert {rival.name for rival in model.rivals} <= {"postcode", "town"}
