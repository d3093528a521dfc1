"""Sending: the ledger of every message, the outbox, the senders and the archive."""

from tsunagu.sending.archive import Archived, Seals
from tsunagu.sending.ledger import Saying, record, send_id
from tsunagu.sending.ledger_queries import (
    RefusalView,
    SendCount,
    SendView,
    refusals_of,
    send_counts,
    sends_of,
)
from tsunagu.sending.read_queries import Altered, Proof, archived, prove
from tsunagu.sending.service import MailSettings, run_sender

__all__ = [
    "Altered",
    "Archived",
    "MailSettings",
    "Proof",
    "RefusalView",
    "Saying",
    "Seals",
    "SendCount",
    "SendView",
    "archived",
    "prove",
    "record",
    "refusals_of",
    "run_sender",
    "send_counts",
    "send_id",
    "sends_of",
]
