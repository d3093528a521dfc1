"""A look at a source before it runs: does it answer, and what would its first rows become?

Nothing is stored, moved or remembered.
"""

from __future__ import annotations

import msgspec

from tsunagu.collect.files import JSON, LINE
from tsunagu.collect.sources.entering import mapped_page
from tsunagu.collect.sources.explaining import explain
from tsunagu.collect.sources.models import Webhook
from tsunagu.collect.sources.orders import Look, Shown
from tsunagu.collect.sources.reading import Page, Reading
from tsunagu.collect.sources.running import first_page
from tsunagu.collect.sources.service import lift_password, mapping_for, source_of
from tsunagu.collect.sources.vault import Secrets
from tsunagu.core import Invalid, Json, Retryable, TsunaguError
from tsunagu.core.times import iso

SHOWN = 10


def look(document: Json, name: str, secrets: Secrets, forbidden: tuple[str, ...]) -> Look:
    """Connect as the document says, read the first page and map ten rows of it.

    Raises:
        Invalid, Retryable: what is wrong, in words that hold no secret.
    """
    document, secrets = lift_password(document, secrets)
    source = source_of(document)
    if isinstance(source.settings, Webhook):
        return Look(place="webhook")
    missing = source.secret_names() - set(secrets)
    if missing:
        raise Invalid(f"The source needs the secret {', '.join(sorted(missing))}.")
    try:
        mapping = mapping_for(source, name)
        page = first_page(Reading(source, mapping, secrets, forbidden=forbidden))
        if page is None:
            return Look()
        few = Page(page.table.slice(0, SHOWN), page.place, page.first_row)
        found = mapped_page(source, mapping, name, few)
    except TsunaguError:
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, the operator must hear it
        text, retryable = explain(error, secrets)
        raise (Retryable if retryable else Invalid)(text) from None
    shown = [
        Shown(
            event.type,
            event.name,
            event.user_id,
            event.anonymous_id,
            None if event.at is None else iso(event.at),
            event.message_id,
            msgspec.json.decode(event.body),
        )
        for event in found.events[:SHOWN]
    ]
    refused = [f"{page.place}, row {row.row}: {row.reason}" for row in found.bad]
    columns = [column for column in page.table.column_names if column not in (LINE, JSON)]
    return Look(page.place, columns, page.table.num_rows, shown, refused)
