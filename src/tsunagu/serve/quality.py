"""Data quality of a workspace's sources, in three steps.

`prepare` and `conclude` are short transactions of PostgreSQL; `look` asks the lake between them,
which may take a while, and holds no connection meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from psycopg import Cursor

from tsunagu import eventlog
from tsunagu.access import business_now
from tsunagu.analysis import Analysts, Refused, plain_rows
from tsunagu.collect import plan
from tsunagu.core import Invalid
from tsunagu.core.times import DAY, moment
from tsunagu.identity import Kinds
from tsunagu.identity.matching import TRAITS
from tsunagu.identity.quality import Brought, SourceQuality, identifiers_in, measure
from tsunagu.identity.quality_queries import (
    MOST_SOURCES,
    SAMPLE,
    brought_question,
    held_among,
    read_brought,
)
from tsunagu.identity.quality_values import Judge, ValueKind, kinds_of_columns
from tsunagu.serve.kind_routes import published_kinds
from tsunagu.serve.matching import record_columns
from tsunagu.storage import Row

DAYS, MOST_DAYS = 30, 365


@dataclass(frozen=True)
class Question:
    """What is asked: the period, the columns of a record, and what PostgreSQL tells of sources."""

    since: int
    until: int
    columns: dict[str, ValueKind]
    sql: str
    judge: Judge
    letters: dict[str, int]
    traffic: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Quality:
    """The sources that told of somebody in the period, those with most customers first."""

    since: int
    until: int
    sources: list[SourceQuality]


def prepare(cursor: Cursor[Row], workspace_id: int, days: int = DAYS) -> Question:
    """What to ask for the last `days`.

    Raises:
        Invalid: the period is none, or too long.
    """
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"A period has 1 to {MOST_DAYS} days, not {days}.")
    now = business_now(cursor, workspace_id)
    since = now - days * DAY
    paths = _in_order(record_columns(cursor, workspace_id))
    columns = kinds_of_columns(paths)
    kinds = Kinds(published_kinds(cursor, workspace_id))
    return Question(
        since,
        now,
        columns,
        brought_question(paths, list(columns.values()), kinds, now=now, days=days),
        Judge(kinds, moment(now).date()),
        eventlog.letters_by_source(cursor, workspace_id, since),
        plan.source_traffic(cursor, workspace_id, moment(since).date()),
    )


def _in_order(columns: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The built-in columns in their order, then others by name."""
    order = {name: place for place, name in enumerate(TRAITS)}
    names = sorted(columns, key=lambda name: (order.get(name, len(order)), name))
    return {name: columns[name] for name in names}


def look(analysts: Analysts, workspace_id: int, question: Question) -> list[Brought]:
    """What the lake tells each source to have brought; nothing before there is a lake.

    Raises:
        Refused: it would take too long or too much memory.
        Busy: others are asking.
    """
    limits = replace(analysts.limits, rows=MOST_SOURCES * (SAMPLE + 1))
    try:
        with analysts.ask(workspace_id, question.sql, limits=limits) as asking:
            return read_brought(plain_rows(asking))
    except Refused as refusal:
        if refusal.why == "no_lake":
            return []
        raise


def conclude(
    cursor: Cursor[Row], workspace_id: int, question: Question, brought: list[Brought]
) -> Quality:
    """Judge what was brought."""
    kinds = list(question.columns.values())
    stated = identifiers_in(brought, kinds, question.judge)
    held = held_among(cursor, workspace_id, stated)
    sources: list[SourceQuality] = []
    for one in brought:
        checked, violating = question.traffic.get(one.source, (0, 0))
        sources.append(
            measure(
                one,
                question.columns,
                question.judge,
                held,
                dead_letters=question.letters.get(one.source, 0),
                checked=checked,
                violating=violating,
            )
        )
    return Quality(question.since, question.until, sources)


def quality_of(
    session: Callable[[], AbstractContextManager[Cursor[Row]]],
    analysts: Analysts,
    workspace_id: int,
    days: int = DAYS,
) -> Quality:
    """All three steps.

    Args:
        session: opens a transaction in the workspace.

    Raises:
        Invalid: the period is none, or too long to be asked.
        Busy: others are asking.
    """
    with session() as cursor:
        question = prepare(cursor, workspace_id, days)
    brought = look(analysts, workspace_id, question)
    with session() as cursor:
        return conclude(cursor, workspace_id, question, brought)
