"""People of one home are alike in much, and are not one person for that."""

from __future__ import annotations

import random
from collections.abc import Iterator

import duckdb
import numpy as np
import pytest

from tsunagu.identity.linking import Judge, Key, Links, Model, link, train
from tsunagu.identity.linking.scoring import RIVAL
from tsunagu.identity.matching import explain_pairs

HOMES = 700
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Trained = tuple[duckdb.DuckDBPyConnection, Model]


def _word(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(_LETTERS, k=length))


def _people(chance: random.Random) -> Iterator[tuple[int, str, str, str, str, str | None]]:
    """Two people a home, two records each; `person` // 2 is the home. Birth dates miss often."""
    given = [_word(chance, 6) for _ in range(120)]
    for home in range(HOMES):
        family, phone = _word(chance, 7), f"{chance.randrange(10**9):09d}"
        address = f"{chance.randrange(1, 900)} {_word(chance, 8)} street"
        for person, name in zip((2 * home, 2 * home + 1), chance.sample(given, 2), strict=True):
            born = f"19{chance.randrange(40, 99)}{chance.randrange(1, 13):02d}11"
            for _ in range(2):
                told = born if chance.random() < 0.6 else None
                lives = address if chance.random() < 0.9 else f"{chance.randrange(900)} elsewhere"
                # Some are called by another name here and there: a difference proves little.
                called = name if chance.random() < 0.9 else chance.choice(given)
                yield person, family, called, lives, phone, told


@pytest.fixture(scope="module")
def homes() -> Iterator[Trained]:
    """A model of people of whom two live in each home."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table people (unique_id bigint, family text, given text, address text, "
            "phone text, birth_date text)"
        )
        rows = [(n, *row[1:]) for n, row in enumerate(_people(random.Random(5)))]
        connection.executemany("insert into people values (?, ?, ?, ?, ?, ?)", rows)
        model = train(connection, "people")
        # Who lives together is compared, whatever keys were worth it.
        home = Key(parts=("address",), cap=200, pairs=0, share=0)
        yield connection, model.model_copy(update={"keys": (home,)})


def _linked(links: Links, model: Model) -> tuple[int, int]:
    """How many linked pairs are one person, and how many two people of one home."""
    chosen = links.weight >= model.upper
    left, right = links.left[chosen] // 2, links.right[chosen] // 2
    same = left == right
    return int(same.sum()), int((~same & (left // 2 == right // 2)).sum())


def test_people_of_one_home_are_not_linked(homes: Trained) -> None:
    connection, model = homes
    same, mates = _linked(link(connection, model, "people"), model)
    assert same > 0.7 * 2 * HOMES
    assert mates < 0.02 * same
    without = model.model_copy(update={"rivals": ()})
    _, counted = _linked(link(connection, without, "people"), without)
    assert counted > 5 * mates


def test_what_others_share_is_one_of_the_reasons_and_they_add_up(homes: Trained) -> None:
    connection, model = homes
    links = link(connection, model, "people")
    mates = np.flatnonzero((links.left // 2 != links.right // 2) & (links.weight < 0))[:20]
    assert len(mates)
    for place in mates:
        pair = int(links.left[place]), int(links.right[place])
        reasons = explain_pairs(connection, model, [pair])[pair]
        assert reasons[-1].label == RIVAL
        assert reasons[-1].comparison in {rival.name for rival in model.rivals}
        total = np.log2(model.prior / (1 - model.prior)) + sum(r.weight for r in reasons)
        assert total == pytest.approx(links.weight[place])


def test_a_pair_weighs_live_what_it_weighs_in_bulk_against_rivals_too(homes: Trained) -> None:
    connection, model = homes
    links = link(connection, model, "people")
    columns = [c.name for c in model.columns]
    rows = connection.execute(f"select unique_id, {', '.join(columns)} from people").fetchall()
    records = {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}
    with Judge(model) as judge:
        for left, right, weight in list(zip(links.left, links.right, links.weight, strict=True))[
            :300
        ]:
            (judged,) = judge.compare(records[int(left)], [records[int(right)]])
            assert judged.weight == pytest.approx(weight, abs=1e-9)
