"""Records of one person are found by how alike they are, without labels."""

from __future__ import annotations

import random

import duckdb
import numpy as np
import pytest

from tsunagu.core import Invalid
from tsunagu.identity.linking import Model, link, shift_of, train
from tsunagu.identity.linking.blocking import Candidate, candidates, held_by, make_pairs
from tsunagu.identity.linking.clusters import Scored, cluster, components
from tsunagu.identity.linking.model import Column
from tsunagu.identity.linking.preparing import add_rarity, prepare
from tsunagu.identity.linking.scoring import level_weight, prior_weight
from tsunagu.identity.linking.service import thresholds
from tsunagu.identity.matching import explain_pairs

GIVEN = ("anna", "bella", "carla", "dora", "elena", "fiona", "gina", "hanna", "ida", "julia")
FAMILY = ("adler", "berger", "clemens", "dietrich", "engel", "fischer", "gruber", "huber")
TOWNS = ("alfeld", "bremen", "coburg", "dresden", "erfurt", "fulda", "goslar", "hamburg")


@pytest.fixture(scope="module")
def people() -> tuple[duckdb.DuckDBPyConnection, np.ndarray]:
    """700 records of 500 people: every fifth twice more, with typing errors and gaps."""
    chance = random.Random(7)
    rows: list[tuple[int, str, str, str, str, str]] = []
    truth: list[int] = []
    for person in range(500):
        born = (
            f"19{chance.randrange(30, 99)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
        )
        whole = [
            chance.choice(GIVEN) + chance.choice(("", "", "rose", "lie")),
            chance.choice(FAMILY) + chance.choice(("", "", "mann", "s")),
            chance.choice(TOWNS),
            born,
            f"{chance.randrange(10_000, 99_999)}",
        ]
        for copy in range(3 if person % 5 == 0 else 1):
            told = list(whole) if copy == 0 else [spoiled(chance, value) for value in whole]
            rows.append((len(rows) + 1, *told))
            truth.append(person)
    connection = duckdb.connect()
    connection.execute(
        "create table people (unique_id bigint, given varchar, family varchar, town varchar, "
        "born varchar, postcode varchar)"
    )
    connection.executemany("insert into people values (?, ?, ?, ?, ?, ?)", rows)
    return connection, np.asarray(truth)


def spoiled(chance: random.Random, value: str) -> str:
    """Sometimes empty, sometimes with two characters swapped."""
    if chance.random() < 0.1:
        return ""
    if chance.random() < 0.25:
        at = chance.randrange(len(value) - 1)
        return value[:at] + value[at + 1] + value[at] + value[at + 2 :]
    return value


@pytest.fixture(scope="module")
def model(people: tuple[duckdb.DuckDBPyConnection, np.ndarray]) -> Model:
    return train(people[0], "people")


def test_what_was_spoiled_is_found_again(
    people: tuple[duckdb.DuckDBPyConnection, np.ndarray], model: Model
) -> None:
    connection, truth = people
    links = link(connection, model, "people")
    linked = links.weight >= model.upper
    right = truth[links.left[linked] - 1] == truth[links.right[linked] - 1]
    assert right.mean() > 0.98
    assert right.sum() > 0.8 * 300
    assert links.candidates < 30 * len(truth)
    names = {c.name: c.nature for c in model.columns}
    assert names["born"] == "date"
    assert names["family"] == "name"


def test_a_model_is_a_document_that_scores_the_same(
    people: tuple[duckdb.DuckDBPyConnection, np.ndarray], model: Model
) -> None:
    connection, _ = people
    before = link(connection, model, "people")
    again = link(connection, Model.model_validate_json(model.model_dump_json()), "people")
    order, other = np.lexsort((before.left, before.right)), np.lexsort((again.left, again.right))
    assert np.array_equal(before.weight[order], again.weight[other])


def test_the_reasons_of_a_pair_add_up_to_its_weight(
    people: tuple[duckdb.DuckDBPyConnection, np.ndarray], model: Model
) -> None:
    connection, _ = people
    links = link(connection, model, "people")
    for place in (0, len(links.weight) // 2, len(links.weight) - 1):
        left, right = int(links.left[place]), int(links.right[place])
        reasons = explain_pairs(connection, model, [(left, right)])[left, right]
        assert len(reasons) == len(model.comparisons)
        total = prior_weight(model.prior) + sum(reason.weight for reason in reasons)
        assert total == pytest.approx(links.weight[place])


def test_agreement_counts_for_and_difference_against(model: Model) -> None:
    for comparison in model.comparisons:
        told = [level for level in comparison.levels if not level.null]
        assert level_weight(told[0]) > 0
        assert level_weight(told[-1]) < 0


def test_a_weak_bridge_does_not_join_two_people() -> None:
    records = np.arange(1, 7)
    strong = [(1, 2, 20.0), (1, 3, 20.0), (2, 3, 20.0), (4, 5, 20.0), (4, 6, 20.0), (5, 6, 20.0)]
    left, right, weight = (np.asarray(c) for c in zip(*strong, (3, 4, 7.0), strict=True))
    pairs = Scored(left, right, weight.astype(float), np.zeros(len(weight)))
    labels, bridges = cluster(records, components(records, left, right), pairs, upper=6.6)
    assert bridges == 1
    assert len(set(labels[:3])) == len(set(labels[3:])) == 1
    assert labels[0] != labels[3]


def test_who_shares_little_is_held_together_by_a_third_record() -> None:
    """The first tells an old address, the third no telephone: only the second is like both."""
    records = np.arange(1, 4)
    left, right = np.array([1, 2, 1]), np.array([2, 3, 3])
    weight = np.array([9.0, 8.0, -6.0])
    component = components(records, left[:2], right[:2])
    for against, people in ((0.0, 1), (-1.0, 1), (-12.0, 2)):
        pairs = Scored(left, right, weight, np.array([0.0, 0.0, against]))
        labels, bridges = cluster(records, component, pairs, upper=6.6)
        assert len(set(labels.tolist())) == people
        assert bridges == people - 1


def test_pairs_within_a_component_are_scored_though_they_share_no_key(
    people: tuple[duckdb.DuckDBPyConnection, np.ndarray], model: Model
) -> None:
    connection, _ = people
    few = model.model_copy(update={"keys": model.keys[:2]})
    links = link(connection, few, "people")
    tried = connection.execute("select left_id, right_id from linking_pairs").fetchall()
    scored = set(zip(links.left.tolist(), links.right.tolist(), strict=True))
    assert len(scored) == len(links.left)
    linked = links.weight >= model.upper
    ends = links.left[linked], links.right[linked]
    component = dict(
        zip(links.records.tolist(), components(links.records, *ends).tolist(), strict=True)
    )
    groups: dict[int, list[int]] = {}
    for record, label in component.items():
        groups.setdefault(label, []).append(record)
    inside = {
        (a, b) for group in groups.values() if len(group) > 2 for a in group for b in group if a < b
    }
    assert inside <= scored
    assert inside - set(tried)


def test_a_model_of_two_classes_of_values_is_read_as_it_was_meant() -> None:
    told = {"name": "town", "nature": "name", "filled": 1.0, "common": ["a"], "usual": ["b"]}
    column = Column.model_validate(told)
    assert column.classes == (("a",), ("b",))
    assert "common" in told, "the stored document is left as it is"
    with duckdb.connect() as connection:
        connection.execute("create table towns as select unnest(['a', 'b', 'c']) as town")
        add_rarity(connection, "towns", [column])
        rows = connection.execute("select town__rarity from towns order by town").fetchall()
    assert rows == [(0,), (1,), (2,)]
    told = {"name": "town", "nature": "date", "filled": 1.0, "common": [], "usual": []}
    assert Column.model_validate(told).classes == ()


def test_a_few_answers_move_the_weights_little_and_many_as_far_as_they_say() -> None:
    assert shift_of(np.array([]), np.array([], np.bool_)) == 0
    as_promised = shift_of(
        np.repeat([-2.0, 0.0, 2.0], 100), np.arange(300) % 100 < np.repeat([20, 50, 80], 100)
    )
    assert as_promised == pytest.approx(0.0, abs=1e-6)
    told = [shift_of(np.full(n, 6.0), np.arange(n) % 5 < 3) for n in (5, 50, 5_000)]
    said = np.log2(3 / 2) - 6.0
    assert 0 > told[0] > told[1] > told[2] > said
    assert told[0] > -3
    assert told[2] == pytest.approx(said, abs=0.05)
    assert shift_of(np.full(10_000, -500.0), np.ones(10_000, np.bool_)) == 20.0


def test_answers_move_the_prior_and_the_report_of_a_model(
    people: tuple[duckdb.DuckDBPyConnection, np.ndarray], model: Model
) -> None:
    connection, _ = people
    doubted = train(connection, "people", shift=-3.0)
    assert (model.shift, doubted.shift) == (0.0, -3.0)
    moved = prior_weight(doubted.prior) - prior_weight(model.prior)
    assert moved == pytest.approx(-3.0, abs=1e-6)
    assert doubted.report.linked < model.report.linked
    assert doubted.comparisons == model.comparisons


def test_too_few_records_teach_nothing() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create table few as select range as unique_id, 'a' || range as n from range(5)"
        )
        with pytest.raises(Invalid, match="too few"):
            train(connection, "few")


def test_a_key_holds_nothing_where_its_values_are_too_frequent() -> None:
    connection = duckdb.connect()
    connection.execute(
        "create table few as select i as unique_id, 'n' || (i % 4) as common, 'm' || i as own "
        "from range(2000) as t(i)"
    )
    columns = [Column(name=name, nature="name", filled=1.0) for name in ("common", "own")]
    prepare(connection, "few", "few_prepared", [(c.name, c.nature) for c in columns])
    connection.execute(
        "create table same as select i as left_id, i + 4 as right_id from range(9) t(i)"
    )
    frequent, rare = Candidate(("common",), 10, reach=0.0), Candidate(("common",), 10)
    held = held_by(connection, "few_prepared", "same", [frequent, rare])
    assert held.sum(axis=0).tolist() == [0.0, 9.0]
    assert ("common",) not in [
        c.parts for c in candidates(connection, "few_prepared", columns, 2000)
    ]


def test_a_share_of_the_pairs_is_a_share_of_all() -> None:
    connection = duckdb.connect()
    connection.execute(
        "create table tens as select i as unique_id, i // 10 as tens from range(20000) as t(i)"
    )
    whole = make_pairs(connection, "tens", [("tens",)], "pairs")
    part = make_pairs(connection, "tens", [("tens",)], "pairs", share=0.25)
    assert whole == 90_000
    assert 0.2 < part / whole < 0.3


def test_the_threshold_lies_where_expected_precision_ends_and_no_lower_than_likely() -> None:
    likely = prior_weight(0.9)
    assert thresholds(np.array([25.0, 24.0, 26.0]))[0] == pytest.approx(likely)
    assert thresholds(np.array([25.0, -7.0, 26.0]))[0] == pytest.approx(likely)
    assert thresholds(np.array([]))[0] == pytest.approx(prior_weight(0.99))
    doubtful = np.concatenate([np.full(50, 20.0), np.full(50, 4.0)])  # 4.0 is 0.94 of one person
    upper, lower = thresholds(doubtful)
    assert 4.0 < upper < 20.0
    assert lower == pytest.approx(prior_weight(0.1))
