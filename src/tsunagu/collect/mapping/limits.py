"""What the Segment spec asks of each type of event, and what the log would refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tsunagu.collect.mapping.steps import Sql, Steps, literal
from tsunagu.collect.models import MAX_ID_CHARACTERS, MAX_NAME_CHARACTERS
from tsunagu.core.events import TYPES

_YEARS = "timestamptz '1900-01-01 00:00:00+00' and timestamptz '2199-12-31 23:59:59+00'"
_NOBODY = "no identifier: every column that says whose row this is is empty; name a `stand_in`"
_NUL = r"(^|[^\\])(\\\\)*\\u0000"
_MOST = {"name": MAX_NAME_CHARACTERS} | dict.fromkeys(
    ("message_id", "user_id", "anonymous_id", "previous_id", "group_id"), MAX_ID_CHARACTERS
)


# For each reason when it holds, and the parts of that test.
_Tests = dict[str, tuple[str, tuple[Sql, ...]]]


def faults_of(
    steps: Steps, columns: Mapping[str, Sql], *, most_bytes: int, hashed: bool
) -> Iterator[Sql]:
    """Why an event with these columns would be refused: texts, NULL where all is well."""
    tests = _spec(columns) | _sizes(columns, most_bytes, hashed)
    for reason, (test, parts) in tests.items():
        yield steps.keep(f"case when {test} then {literal(reason)} end", *parts)


def _spec(columns: Mapping[str, Sql]) -> _Tests:
    kind, name, user = columns["type"], columns["name"], columns["user_id"]
    anonymous, group = columns["anonymous_id"], columns["group_id"]
    previous = columns["previous_id"]
    tests: _Tests = {_NOBODY: (f"{user} is null and {anonymous} is null", (user, anonymous))}
    known = ", ".join(map(literal, TYPES))
    if not kind.is_constant:
        told = f"the type is none of {', '.join(TYPES)}"
        tests[told] = (f"coalesce({kind} not in ({known}), true)", (kind,))
    asked: dict[str, tuple[str, tuple[Sql, ...], str]] = {
        "track": (f"{name} = ''", (name,), "a track has no name of what happened"),
        "group": (f"{group} is null", (group,), "a group has no group_id"),
        "alias": (
            f"({user} is null or {previous} is null)",
            (user, previous),
            "an alias needs user_id and previous_id",
        ),
    }
    for one, (test, parts, reason) in asked.items():
        if not kind.is_constant:
            tests[reason] = (f"{kind} = {literal(one)} and {test}", (kind, *parts))
        elif kind.text == literal(one):
            tests[reason] = (test, parts)
    return tests


def _sizes(columns: Mapping[str, Sql], most_bytes: int, hashed: bool) -> _Tests:
    tests: _Tests = {}
    at = columns["at"]
    if not at.is_constant:
        reason = "at: the time lies outside the years 1900 to 2199"
        tests[reason] = (f"{at} not between {_YEARS}", (at,))
    for field, most in _MOST.items():
        sql = columns[field]
        if not sql.is_constant and not (field == "message_id" and hashed):
            tests[f"{field}: longer than {most} characters"] = (f"length({sql}) > {most}", (sql,))
            nul = f"contains({sql}, chr(0))"
            tests[f"{field}: holds the character U+0000"] = (nul, (sql,))
    bodies = [columns[field] for field in ("properties", "traits", "context")]
    bodies = [sql for sql in bodies if not sql.is_constant]
    if bodies:
        size = " + ".join(f"coalesce(strlen({sql}), 0)" for sql in bodies)
        reason = f"the event has more than {most_bytes} bytes; map fewer columns"
        tests[reason] = (f"{size} > {most_bytes}", tuple(bodies))
        nul = " or ".join(
            rf"(contains({sql}, '\u0000') and regexp_matches({sql}, {literal(_NUL)}))"
            for sql in bodies
        )
        tests["a text holds the character U+0000"] = (nul, tuple(bodies))
    return tests
