"""Reading the archive as proof: one message as it was sent, and whether all is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, LiteralString

from psycopg import Cursor

from tsunagu.core import NotFound, TsunaguError
from tsunagu.core.times import micros
from tsunagu.sending.archive import Archived, Seals

Row = tuple[Any, ...]

_ONE: LiteralString = """
select send_id, customer_id, channel, message, message_version, address, subject, content,
    archived_at, sha256, seal
from archive
where workspace_id = %s and send_id = %s
"""

_PAGE: LiteralString = """
select send_id, customer_id, channel, message, message_version, address, subject, content,
    archived_at, sha256, seal
from archive
where workspace_id = %s and send_id > %s
order by send_id
limit %s
"""

# What was ended after a restore may have left and been archived in another life of the database.
_MISSING: LiteralString = """
select l.send_id
from send_ledger as l
left join archive as a on a.workspace_id = l.workspace_id and a.send_id = l.send_id
where l.workspace_id = %s and l.state in ('sent', 'unknown') and a.send_id is null
    and l.reason is distinct from 'restored'
"""

_AT_ONCE = 500


class Altered(TsunaguError):
    """An archived message is not what was archived."""


@dataclass
class Proof:
    """What a check of a workspace's whole archive found; empty lists mean that it is whole."""

    checked: int = 0
    altered: list[int] = field(default_factory=list[int])
    missing: list[int] = field(default_factory=list[int])

    @property
    def whole(self) -> bool:
        """Whether nothing was changed and nothing is missing."""
        return not self.altered and not self.missing


def archived(cursor: Cursor[Row], workspace_id: int, send_id: int) -> Archived:
    """One message as it was sent.

    Raises:
        NotFound: nothing was archived for this send.
        Altered: the content is not what was archived.
    """
    row = cursor.execute(_ONE, (workspace_id, send_id), binary=True).fetchone()
    if row is None:
        raise NotFound(f"Nothing is archived for send {send_id}.")
    if sha256(row[7]).digest() != row[9]:
        raise Altered(
            f"The archived content of send {send_id} was changed after it was archived. "
            "Do not rely on it; restore the archive from a backup and check the database's access."
        )
    return _archived(row)


def prove(cursor: Cursor[Row], workspace_id: int, seals: Seals) -> Proof:
    """Check every archived message of a workspace against its hash and seal."""
    proof = Proof()
    for row in _all(cursor, workspace_id):
        mail = _archived(row)
        proof.checked += 1
        same = sha256(mail.content).digest() == row[9]
        if not same or not seals.holds(workspace_id, mail, row[10]):
            proof.altered.append(mail.send_id)
    cursor.execute(_MISSING, (workspace_id,))
    proof.missing = [send_id for (send_id,) in cursor.fetchall()]
    return proof


def _all(cursor: Cursor[Row], workspace_id: int) -> Iterator[Row]:
    last = -1
    while rows := cursor.execute(_PAGE, (workspace_id, last, _AT_ONCE), binary=True).fetchall():
        yield from rows
        last = rows[-1][0]


def _archived(row: Row) -> Archived:
    return Archived(*row[:8], at=micros(row[8]))
