"""The definitions that the demonstration publishes: the documents in the folder beside this.

`tsunagu world` plays the same journey with the same messages; only the campaign, the shop and
the size of the holdout differ, because its customers are few and its question is another.
"""

from __future__ import annotations

from pathlib import Path

from psycopg import Cursor

from tsunagu.core import Json
from tsunagu.runtime.documents import read_documents
from tsunagu.serve.definitions import POLICY_NAME, publish_document
from tsunagu.storage import Row

AUDIENCE = "coupons_unused"
JOURNEY = "coupon_reminder"
POLICY = POLICY_NAME
CAMPAIGN = "18"

Library = dict[tuple[str, str], Json]
"""Documents by kind and name, in the order in which to publish them."""

_FOLDER = Path(__file__).parent / "documents"


def demo_library() -> Library:
    """The reminder of campaign 18, with a tenth held out."""
    found = read_documents(sorted(_FOLDER.glob("*.yaml")))
    return {(kind, name): document for kind, name, document in found}


def publish_library(
    cursor: Cursor[Row], workspace_id: int, library: Library, kinds: tuple[str, ...]
) -> None:
    """Publish the documents of some kinds; one that stands already makes no new version."""
    for (kind, name), document in library.items():
        if kind in kinds:
            publish_document(cursor, workspace_id, kind, name, document, "demo")
