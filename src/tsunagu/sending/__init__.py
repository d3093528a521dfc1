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
from tsunagu.sending.listing_queries import (
    ArchivedMessage,
    ArchiveRow,
    SendFigures,
    archived_message,
    message_states,
    refusal_reasons,
    search_archive,
    send_figures,
    sends_by_day,
    waiting_sends,
)
from tsunagu.sending.read_queries import Altered, Proof, archived, prove
from tsunagu.sending.service import MailSettings, run_sender
from tsunagu.sending.settle import settle

__all__ = [
    "Altered",
    "ArchiveRow",
    "Archived",
    "ArchivedMessage",
    "MailSettings",
    "Proof",
    "RefusalView",
    "Saying",
    "Seals",
    "SendCount",
    "SendFigures",
    "SendView",
    "archived",
    "archived_message",
    "message_states",
    "prove",
    "record",
    "refusal_reasons",
    "refusals_of",
    "run_sender",
    "search_archive",
    "send_counts",
    "send_figures",
    "send_id",
    "sends_by_day",
    "sends_of",
    "settle",
    "waiting_sends",
]
