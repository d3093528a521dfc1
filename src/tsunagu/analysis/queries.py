"""The questions that a workspace keeps under a name, and what each person asked last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psycopg import Cursor

from tsunagu.core import Invalid, NotFound
from tsunagu.core.times import micros, moment
from tsunagu.storage import Row

Outcome = Literal["done", "refused", "stopped"]
RUNS_KEPT = 100
_LONGEST_NAME = 80


@dataclass(frozen=True)
class SavedQuery:
    """A question with a name."""

    name: str
    sql: str
    saved_by: str
    saved_at: int


@dataclass(frozen=True)
class QueryRun:
    """A question that was asked; `at` in microseconds."""

    sql: str
    at: int
    outcome: Outcome
    rows: int
    seconds: float


def save_query(
    cursor: Cursor[Row], workspace_id: int, name: str, sql: str, by: str, at: int
) -> None:
    """Keep a question under a name; one of that name before is replaced.

    Raises:
        Invalid: the name is empty or too long, or there is no question.
    """
    wanted = name.strip()
    if not 1 <= len(wanted) <= _LONGEST_NAME or "\x00" in wanted + sql:
        raise Invalid(f"Give the question a name of up to {_LONGEST_NAME} characters.")
    if not sql.strip():
        raise Invalid("There is no question to keep yet.")
    cursor.execute(
        """
        insert into saved_queries (workspace_id, name, sql, saved_by, saved_at)
        values (%s, %s, %s, %s, %s)
        on conflict (workspace_id, name) do update
        set sql = excluded.sql, saved_by = excluded.saved_by, saved_at = excluded.saved_at
        """,
        (workspace_id, wanted, sql, by, moment(at)),
    )


def saved_queries(cursor: Cursor[Row], workspace_id: int) -> list[SavedQuery]:
    """The kept questions, by name."""
    found = cursor.execute(
        """
        select name, sql, saved_by, saved_at from saved_queries
        where workspace_id = %s order by name
        """,
        (workspace_id,),
    )
    return [SavedQuery(name, sql, by, micros(at)) for name, sql, by, at in found.fetchall()]


def forget_query(cursor: Cursor[Row], workspace_id: int, name: str) -> None:
    """Keep a question no longer.

    Raises:
        NotFound: none of that name is kept.
    """
    done = cursor.execute(
        "delete from saved_queries where workspace_id = %s and name = %s", (workspace_id, name)
    )
    if done.rowcount == 0:
        raise NotFound(f"No question is kept as {name!r}.")


def note_run(cursor: Cursor[Row], workspace_id: int, by: str, run: QueryRun) -> None:
    """Note that somebody asked a question; of each person the latest are kept."""
    cursor.execute(
        """
        insert into query_runs (workspace_id, asked_by, sql, at, outcome, rows, seconds)
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        (
            workspace_id,
            by,
            run.sql.replace("\x00", ""),
            moment(run.at),
            run.outcome,
            run.rows,
            run.seconds,
        ),
    )
    cursor.execute(
        """
        delete from query_runs
        where workspace_id = %(workspace)s and asked_by = %(by)s and run_id <= (
            select run_id from query_runs
            where workspace_id = %(workspace)s and asked_by = %(by)s
            order by run_id desc offset %(kept)s limit 1
        )
        """,
        {"workspace": workspace_id, "by": by, "kept": RUNS_KEPT},
    )


def last_runs(cursor: Cursor[Row], workspace_id: int, by: str, *, limit: int) -> list[QueryRun]:
    """What a person asked last, the latest first, each question once."""
    found = cursor.execute(
        """
        select sql, at, outcome, rows, seconds
        from (
            select distinct on (sql) run_id, sql, at, outcome, rows, seconds
            from query_runs
            where workspace_id = %s and asked_by = %s
            order by sql, run_id desc
        ) as latest
        order by run_id desc
        limit %s
        """,
        (workspace_id, by, limit),
    )
    return [QueryRun(s, micros(at), o, rows, secs) for s, at, o, rows, secs in found.fetchall()]
