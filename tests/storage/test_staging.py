"""Rows of one batch in a temporary table."""

from __future__ import annotations

from collections.abc import Callable

from tsunagu.storage import Database, in_workspace, stage


def test_what_is_staged_twice_in_one_transaction_is_not_added_up(
    database: Database, make_workspace: Callable[..., int]
) -> None:
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, make_workspace()) as cursor,
    ):
        for value in (1, 2):
            stage(cursor, "numbers_in", {"number": "int8"}, [(value,)])
        assert cursor.execute("select number from numbers_in").fetchall() == [(2,)]
