"""Acting: what an operator changes, noted in the audit log in the same transaction.

A page stays open for hours, so each change asks again whether its operator may still sign in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from nicegui import ui

from tsunagu import access
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.core import Denied
from tsunagu.storage import Database

T = TypeVar("T")


async def act(visit: Visit, action: str, subject: str, work: Callable[[Cursor], T]) -> T | None:
    """What `work` answers; None after leading an operator who was removed to the sign-in."""

    def change(cursor: Cursor) -> T:
        _still_there(visit, cursor)
        answer = work(cursor)
        access.audit(cursor, visit.workspace.id, visit.operator, action, subject)
        return answer

    try:
        return await visit.read(change)
    except Denied:
        _to_sign_in(visit)
        return None


async def act_on_log(visit: Visit, work: Callable[[Database], T]) -> T | None:
    """As `act`, for what the pipeline's role does and notes in the audit log itself."""
    try:
        await visit.read(lambda cursor: _still_there(visit, cursor))
    except Denied:
        _to_sign_in(visit)
        return None
    return await visit.desk.reader.apart(work)


def _still_there(visit: Visit, cursor: Cursor) -> None:
    if visit.operator not in {o.name for o in access.list_operators(cursor)}:
        raise Denied(f"{visit.operator!r} may no longer sign in.")


def _to_sign_in(visit: Visit) -> None:
    ui.navigate.to(f"/sign-in?next={quote(visit.here)}")
