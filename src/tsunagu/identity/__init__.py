"""Identity: who an event is about, by evidence that can be read again."""

from tsunagu.identity.queries import current_customer, load_known, store
from tsunagu.identity.resolve import (
    Edge,
    Identifier,
    Known,
    Merge,
    NewCustomer,
    Resolution,
    identifiers_of,
    resolve,
)

__all__ = [
    "Edge",
    "Identifier",
    "Known",
    "Merge",
    "NewCustomer",
    "Resolution",
    "current_customer",
    "identifiers_of",
    "load_known",
    "resolve",
    "store",
]
