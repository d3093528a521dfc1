"""The plan's tables: violations and traffic by day, and the marks of flagged events."""

from __future__ import annotations

from hashlib import md5
from typing import LiteralString

import msgspec
from psycopg import Cursor

from tsunagu.collect.plan.check import Checked
from tsunagu.core.times import moment
from tsunagu.storage import Row

_TRAFFIC: LiteralString = """
insert into plan_traffic (
    workspace_id, day, traffic_key, source, type, event, version, seen, violating
)
select %(workspace)s, date '0001-01-01' + (day - 1), key, source, type, event, version,
    seen, violating
from unnest(
    %(days)s::integer[], %(keys)s::uuid[], %(sources)s::text[], %(types)s::text[],
    %(events)s::text[], %(versions)s::integer[], %(seen)s::bigint[], %(violating)s::bigint[]
) as t (day, key, source, type, event, version, seen, violating)
order by day, key
on conflict (workspace_id, day, traffic_key) do update
set seen = plan_traffic.seen + excluded.seen,
    violating = plan_traffic.violating + excluded.violating
"""

_VIOLATIONS: LiteralString = """
insert into plan_violations (
    workspace_id, day, violation_key, source, type, event, version, place, rule, action,
    expected, got, count, position, at
)
select %(workspace)s, date '0001-01-01' + (day - 1), key, source, type, event, version,
    place, rule, action, expected, got, count, position, at
from unnest(
    %(days)s::integer[], %(keys)s::uuid[], %(sources)s::text[], %(types)s::text[],
    %(events)s::text[], %(versions)s::integer[], %(places)s::text[], %(rules)s::text[],
    %(actions)s::text[], %(expected)s::text[], %(got)s::text[], %(counts)s::bigint[],
    %(positions)s::bigint[], %(ats)s::timestamptz[]
) as t (
    day, key, source, type, event, version, place, rule, action, expected, got, count,
    position, at
)
order by day, key
on conflict (workspace_id, day, violation_key) do update
set count = plan_violations.count + excluded.count, expected = excluded.expected,
    got = excluded.got, position = excluded.position, at = excluded.at
"""

_FLAGGED: LiteralString = """
insert into flagged_events (workspace_id, position, violations)
select %(workspace)s, position, violations::jsonb
from unnest(%(positions)s::bigint[], %(violations)s::text[]) as t (position, violations)
on conflict do nothing
"""


def record(cursor: Cursor[Row], workspace_id: int, checked: Checked) -> None:
    """Add what a check counted to the workspace's days, and mark the flagged events."""
    if checked.traffic:
        _count_traffic(cursor, workspace_id, checked)
    if checked.violations:
        _count_violations(cursor, workspace_id, checked)
    if checked.flagged:
        marks = {p: [one.words() for one in found] for p, found in checked.flagged.items()}
        cursor.execute(
            _FLAGGED,
            {
                "workspace": workspace_id,
                "positions": list(marks),
                "violations": [msgspec.json.encode(words).decode() for words in marks.values()],
            },
        )


def _count_traffic(cursor: Cursor[Row], workspace_id: int, checked: Checked) -> None:
    keys = list(checked.traffic)
    days, sources, types, events, versions = zip(*keys, strict=True)
    counts = list(checked.traffic.values())
    cursor.execute(
        _TRAFFIC,
        {
            "workspace": workspace_id,
            "days": list(days),
            "keys": [_key(*key[1:]) for key in keys],
            "sources": list(sources),
            "types": list(types),
            "events": list(events),
            "versions": list(versions),
            "seen": [seen for seen, _ in counts],
            "violating": [violating for _, violating in counts],
        },
    )


def _count_violations(cursor: Cursor[Row], workspace_id: int, checked: Checked) -> None:
    found = list(checked.violations.items())
    tallies = [tally for _, tally in found]
    days, sources, types, events, versions = zip(*(w[0] for w, _ in found), strict=True)
    cursor.execute(
        _VIOLATIONS,
        {
            "workspace": workspace_id,
            "days": list(days),
            "keys": [_key(*w[0][1:], *w[1:]) for w, _ in found],
            "sources": list(sources),
            "types": list(types),
            "events": list(events),
            "versions": list(versions),
            "places": [w[1] for w, _ in found],
            "rules": [w[2] for w, _ in found],
            "actions": [w[3] for w, _ in found],
            "expected": [t.expected for t in tallies],
            "got": [t.got for t in tallies],
            "counts": [t.count for t in tallies],
            "positions": [t.position for t in tallies],
            "ats": [moment(t.at) for t in tallies],
        },
    )


def _key(*names: str | int) -> str:
    """A short key for texts that may be too long for an index entry."""
    return md5("\x1f".join(map(str, names)).encode(), usedforsecurity=False).hexdigest()


def forget_before(cursor: Cursor[Row], workspace_id: int, flags: int, counts: int) -> None:
    """Delete marks of events and days of counts that lie before these times."""
    cursor.execute(
        "delete from flagged_events where workspace_id = %s and put_at < %s",
        (workspace_id, moment(flags)),
    )
    cursor.execute(
        "delete from plan_violations where workspace_id = %s and day < %s",
        (workspace_id, moment(counts).date()),
    )
    cursor.execute(
        "delete from plan_traffic where workspace_id = %s and day < %s",
        (workspace_id, moment(counts).date()),
    )
