"""Sending: the ledger of every message, the outbox, the senders and the archive."""

from tsunagu.sending.ledger import Saying, record, send_id
from tsunagu.sending.ledger_queries import (
    RefusalView,
    SendCount,
    SendView,
    refusals_of,
    send_counts,
    sends_of,
)

__all__ = [
    "RefusalView",
    "Saying",
    "SendCount",
    "SendView",
    "record",
    "refusals_of",
    "send_counts",
    "send_id",
    "sends_of",
]
