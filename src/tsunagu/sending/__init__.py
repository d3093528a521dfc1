"""Sending: the ledger of every message, the outbox, the senders and the archive."""

from tsunagu.sending.ledger import Saying, record, send_id

__all__ = ["Saying", "record", "send_id"]
