"""A file's rows and HTTP calls obey one set of rules; keys are what sets would say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsunagu.collect.bulk import keys as bulk_keys
from tsunagu.collect.bulk.keys import Run, join_runs, joined, keys_of, repeated
from tsunagu.collect.bulk.models import Place
from tsunagu.collect.bulk.reading import Chunk
from tsunagu.collect.bulk.staging import Stage
from tsunagu.collect.service import read_line
from tsunagu.core import Invalid, decode_body
from tsunagu.core.times import parse_time
from tsunagu.eventlog import copy_rows

NOW = parse_time("2026-01-01T00:00:00Z")
SOMETIMES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

ids = st.one_of(
    st.sampled_from(["u1", "", "17", "1.5", "1e5", "-3", "{x", "[x", "true", "髙橋", "x" * 513]),
    st.sampled_from([17, -3, 1.5, True, None, [1], {"a": 1}, 10**30]),
)
names = st.sampled_from(["Order Completed", "", "2024", "{", "true", None, 5, True, "n" * 1001])
times = st.sampled_from(
    [
        *("2024-02-29T10:00:00.123Z", "2024-02-29T10:00:00+09:00", "2024-02-29", "2024-02-30"),
        *("1899-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "yesterday", "", None, 1700000000),
        *("2024-02-29 10:00:00", "2024-02-29T10:00:00.1234567Z"),
    ]
)
deep: Any = json.loads("[" * 70 + "]" * 70)
values = st.recursive(
    st.sampled_from([None, True, 0, -1.5, 10**18, 10**30, "a", '髙\n"\\', "\u0000", "\\u0000"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
objects = st.one_of(
    st.none(),
    st.dictionaries(st.sampled_from(["a", "traits", "name", "NaN"]), values, max_size=3),
    st.sampled_from(
        [{}, [1], "text", {"deep": deep}, {"long": "x" * 33_000}, {"traits": {"b": 1}}]
    ),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["track", "identify", "page", "group", "alias", "jump", None, 1]),
    **dict.fromkeys(("messageId", "userId", "anonymousId", "previousId", "groupId"), ids),
    **dict.fromkeys(("event", "name", "category"), names),
    **dict.fromkeys(("timestamp", "originalTimestamp", "sentAt", "receivedAt"), times),
    "writeKey": names,
    **dict.fromkeys(("properties", "traits", "context", "integrations"), objects),
}
GOOD = {
    "type": "track",
    "messageId": "m",
    "event": "Order Completed",
    "userId": "u1",
    "previousId": "u0",
    "groupId": "g1",
    "timestamp": "2024-02-29T10:00:00Z",
}


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """A good call with some of its fields changed, and some left out."""
    changed = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=3))
    told = GOOD | {field: draw(FIELDS[field]) for field in changed}
    gone = draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=1))
    return {field: value for field, value in told.items() if field not in gone}


texts = calls().map(lambda call: json.dumps(call, ensure_ascii=False))
NAN = '{"type":"track","userId":"u","event":"e","properties":{"a":NaN}}'
raw = st.sampled_from(["", "  ", "{", "[]", "null", NAN])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("spill"), "files", NOW)


def expected(text: str) -> tuple[Any, ...] | None:
    """The event that HTTP makes of a line; None if it refuses."""
    try:
        event = read_line(text.encode(), "files")
        copy_rows(0, [event], NOW, None)
    except Invalid:
        return None
    body = decode_body(event.body)
    objects = [value or None for value in (body.properties, body.traits, body.context)]
    own = (event.message_id, event.type, event.name, event.user_id, event.anonymous_id)
    return (*own, body.previous_id, body.group_id, event.at, *objects)


def staged(stage: Stage) -> dict[int, tuple[Any, ...]]:
    found: dict[int, tuple[Any, ...]] = {}
    query = """
        select n, message_id, type, name, user_id, anonymous_id, previous_id, group_id,
            epoch_us(happened_at), properties, traits, context
        from staged where usual
    """
    for n, *row in stage._connection.execute(query).fetchall():  # pyright: ignore
        told = [None if text is None else json.loads(text) for text in row[8:]]
        found[n] = (*row[:8], *told)
    stage.clear()
    return found


def loaded(stage: Stage, lines: list[str]) -> tuple[dict[int, tuple[Any, ...]], set[int]]:
    """The events of the lines by their place, and the places of the bad ones."""
    text = "\n".join(lines).encode() + b"\n"
    start = Place()
    checked = stage.check(Chunk(0, start, start, len(text), lines=memoryview(text)))
    return staged(stage), {bad.line - 1 for bad in checked.bad}


@SOMETIMES
@given(st.lists(texts | raw, min_size=1, max_size=12))
def test_a_line_becomes_what_http_makes_of_it_or_is_refused_alike(
    stage: Stage, lines: list[str]
) -> None:
    found, bad = loaded(stage, lines)
    for place, line in enumerate(lines):
        if not line.strip():
            assert place not in found
            assert place not in bad
            continue
        wanted = expected(line)
        assert found.get(place) == wanted, line
        assert (place in bad) is (wanted is None), line


@SOMETIMES
@given(st.lists(calls(), min_size=1, max_size=12))
def test_a_table_in_the_spec_columns_says_the_same(
    stage: Stage, told: list[dict[str, Any]]
) -> None:
    ids = ("messageId", "userId", "anonymousId", "previousId", "groupId")
    named = ("type", *ids, "event", "timestamp")
    rows = [
        {name: str(call[name]) for name in named if isinstance(call.get(name), str | int)}
        | {
            name: call[name]
            for name in ("properties", "traits", "context")
            if isinstance(call.get(name), dict)
        }
        for call in told
    ]
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in named}
    for name in ("properties", "traits", "context"):
        cells = [json.dumps(row[name]) if name in row else None for row in rows]
        columns[name] = pa.array(cells, pa.string())
    # an id that is not there is made of the row, differently in a table: give every row one
    columns["messageId"] = pa.array([f"m{n}" for n in range(len(rows))])
    for n, row in enumerate(rows):
        row["messageId"] = f"m{n}"
    start = Place()
    stage.check(Chunk(0, start, start, 0, table=pa.table(columns)))
    found = staged(stage)
    assert found == {
        place: wanted
        for place, row in enumerate(rows)
        if (wanted := expected(json.dumps(row, ensure_ascii=False))) is not None
    }


@given(st.lists(st.text(max_size=2)), st.lists(st.text(max_size=2)))
@settings(max_examples=50)
def test_keys_say_what_sets_say(held: list[str], asked: list[str]) -> None:
    run = Run.of(keys_of(set(held)))
    assert list(run.holds(keys_of(asked))) == [one in set(held) for one in asked]
    seen = set[str]()
    again = [one in seen or bool(seen.add(one)) for one in asked]
    assert list(repeated(keys_of(asked))) == again


def test_runs_that_are_joined_hold_the_keys_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_keys, "JOINED_AT_ONCE", 1000)  # in many pieces
    parts = [keys_of(f"{part}-{n}" for n in range(5000)) for part in range(4)]
    runs: list[Run] = []
    for number, part in enumerate(parts):
        Run.of(part).write(tmp_path / str(number))
        runs.append(Run.open(tmp_path / str(number), len(part)))
    count = join_runs(runs, tmp_path / "all")
    whole = Run.open(tmp_path / "all", count)
    assert count == len(whole) == 20_000
    assert whole.holds(joined(parts)).all()
    assert (np.diff(whole.keys.high.astype(object)) >= 0).all()
    strangers = keys_of(f"x-{n}" for n in range(20_000))
    assert not whole.holds(strangers).any()
    # equal first halves are told apart by the second ones
    twins = bulk_keys.Keys(np.array([7, 7, 7], np.uint64), np.array([1, 2, 3], np.uint64))
    asked = bulk_keys.Keys(np.array([7, 7], np.uint64), np.array([3, 4], np.uint64))
    assert list(Run.of(twins).holds(asked)) == [True, False]
