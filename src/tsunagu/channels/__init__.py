"""Channels: one folder for each way to reach a customer, and one protocol for all."""

from tsunagu.channels.links import LinkSigner, SendLinks, SignedLink
from tsunagu.channels.models import Channel, Outgoing, Result, ResultKind

__all__ = [
    "Channel",
    "LinkSigner",
    "Outgoing",
    "Result",
    "ResultKind",
    "SendLinks",
    "SignedLink",
]
