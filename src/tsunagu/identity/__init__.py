"""Identity: who an event is about, by evidence that can be read again."""

from tsunagu.identity.bulk import Linked, Owners, link
from tsunagu.identity.bulk_names import NONE, Names, Told, number_names, strongest
from tsunagu.identity.bulk_queries import load_owners, store_absorbed, store_evidence, store_named
from tsunagu.identity.listing_queries import (
    Evidence,
    IdentityFigures,
    customers_of,
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
    "NONE",
    "USER_ID",
    "Edge",
    "Evidence",
    "Identifier",
    "IdentityFigures",
    "Known",
    "Linked",
    "Merge",
    "Names",
    "NewCustomer",
    "Owners",
    "Resolution",
    "Told",
    "current_customer",
    "customers_of",
    "edge_key",
    "evidence_of",
    "first_identifiers",
    "identifiers_of",
    "identity_figures",
    "link",
    "load_known",
    "load_owners",
    "number_names",
    "resolve",
    "store",
    "store_absorbed",
    "store_evidence",
    "store_named",
    "strongest",
]
