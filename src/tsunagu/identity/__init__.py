"""Identity: who an event is about, by evidence that can be read again."""

from tsunagu.identity.listing_queries import (
    Evidence,
    IdentityFigures,
    evidence_of,
    identity_figures,
)
from tsunagu.identity.queries import (
    current_customer,
    edge_key,
    first_identifiers,
    load_known,
    store,
)
from tsunagu.identity.resolve import (
    ANONYMOUS_ID,
    EMAIL,
    USER_ID,
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
    "ANONYMOUS_ID",
    "EMAIL",
    "USER_ID",
    "Edge",
    "Evidence",
    "Identifier",
    "IdentityFigures",
    "Known",
    "Merge",
    "NewCustomer",
    "Resolution",
    "current_customer",
    "edge_key",
    "evidence_of",
    "first_identifiers",
    "identifiers_of",
    "identity_figures",
    "load_known",
    "resolve",
    "store",
]
