"""Sources: where rows come from by themselves, and how they become events.

A source is a document with a mapping, a schedule and a cursor. The role `sources` runs what is
due in child processes; webhooks come in at the collector.
"""

from tsunagu.collect.sources.keeper import run_sources
from tsunagu.collect.sources.models import Source
from tsunagu.collect.sources.offspring import RUN_SECONDS, Child, try_out
from tsunagu.collect.sources.orders import Look, Order, Shown
from tsunagu.collect.sources.premises import Premises
from tsunagu.collect.sources.queries import Standing, standing
from tsunagu.collect.sources.run_queries import Run
from tsunagu.collect.sources.service import (
    Listed,
    find_source,
    list_runs,
    list_sources,
    open_secrets,
    pause,
    put_source,
    remove,
    reset,
    resume,
    run_now,
    seal_again,
    secret_names,
    secrets_for_trial,
    source_of,
    webhook_path,
)
from tsunagu.collect.sources.vault import Vault

__all__ = [
    "RUN_SECONDS",
    "Child",
    "Listed",
    "Look",
    "Order",
    "Premises",
    "Run",
    "Shown",
    "Source",
    "Standing",
    "Vault",
    "find_source",
    "list_runs",
    "list_sources",
    "open_secrets",
    "pause",
    "put_source",
    "remove",
    "reset",
    "resume",
    "run_now",
    "run_sources",
    "seal_again",
    "secret_names",
    "secrets_for_trial",
    "source_of",
    "standing",
    "try_out",
    "webhook_path",
]
