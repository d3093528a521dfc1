"""The archive: exactly what was sent, kept before it is sent, and proof that it is unchanged.

Each row carries the hash of its content and a seal: a keyed hash over the whole row. The key
is derived from the installation's signing secret and never lies in the database, so who can
write there can neither change a row nor add one unseen; a missing row shows in the ledger.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, LiteralString

import msgspec
from psycopg import Cursor

from tsunagu.core.times import moment

Row = tuple[Any, ...]

# A repeat finds the row of the attempt before it, and exactly that is sent.
_KEEP: LiteralString = """
insert into archive (
    workspace_id, send_id, customer_id, channel, message, message_version, address, subject,
    content, sha256, seal, archived_at
)
select %s, * from unnest(
    %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::integer[], %b::text[], %b::text[],
    %b::bytea[], %b::bytea[], %b::bytea[], %b::timestamptz[]
)
"""


@dataclass(frozen=True, slots=True)
class Archived:
    """One archived message; `at` is the business time of its archiving."""

    send_id: int
    customer_id: int
    channel: str
    message: str
    message_version: int
    address: str
    subject: str
    content: bytes
    at: int


class Seals:
    """Seals archived messages, and tells whether a seal is whole."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"tsunagu archive seal", sha256)

    def seal(self, workspace_id: int, mail: Archived) -> bytes:
        """The seal of one row."""
        said = (
            workspace_id,
            mail.send_id,
            mail.customer_id,
            mail.channel,
            mail.message,
            mail.message_version,
            mail.address,
            mail.subject,
            sha256(mail.content).digest(),
            mail.at,
        )
        return hmac.digest(self._key, msgspec.msgpack.encode(said), sha256)

    def holds(self, workspace_id: int, mail: Archived, seal: bytes) -> bool:
        """Whether the row is the one that was sealed."""
        return hmac.compare_digest(seal, self.seal(workspace_id, mail))


def keep(cursor: Cursor[Row], workspace_id: int, seals: Seals, mails: Sequence[Archived]) -> None:
    """Archive messages that were never archived before."""
    if not mails:
        return
    cursor.execute(
        _KEEP,
        (
            workspace_id,
            [m.send_id for m in mails],
            [m.customer_id for m in mails],
            [m.channel for m in mails],
            [m.message for m in mails],
            [m.message_version for m in mails],
            [m.address for m in mails],
            [m.subject for m in mails],
            [m.content for m in mails],
            [sha256(m.content).digest() for m in mails],
            [seals.seal(workspace_id, m) for m in mails],
            [moment(m.at) for m in mails],
        ),
    )
