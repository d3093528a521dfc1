"""An HTTP API, described as dlt's `rest_api` describes it and read by that.

dlt waits and tries again at 429 and 5xx, follows the paginator and keeps the incremental
cursor. Unless the API answers the oldest first, the cursor is kept only with the last page: a
run that was cut off begins where it began, and what it had brought is known by its ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from dlt.common.exceptions import DictValidationException
from dlt.sources.rest_api import rest_api_source

from tsunagu.collect.sources.flat import flat_table
from tsunagu.collect.sources.models import Rest, fill
from tsunagu.collect.sources.reading import Page, Reading
from tsunagu.collect.sources.through_dlt import with_state
from tsunagu.core import Invalid


def pages(reading: Reading, settings: Rest) -> Iterator[Page]:
    """The items of the resource, a page of the API each."""
    resource = fill(settings.resource, reading.secrets)
    described: Any = {"client": fill(settings.client, reading.secrets), "resources": [resource]}
    try:
        api = rest_api_source(described, name="api", section="api")
    except (DictValidationException, ValueError) as error:
        raise Invalid(f"The API is not described as dlt's rest_api needs it: {error}") from None
    incremental = "incremental" in str(settings.resource.get("endpoint", ""))
    place = str(settings.resource.get("name", "resource"))
    seen, final = 0, reading.state
    listed = next(iter(api.resources.values()))
    for found, state in with_state(listed, reading.state):
        items: list[Any] = found if isinstance(found, list) else [found]
        final = state
        yield Page(
            flat_table(items),
            place,
            seen + 1,
            state if settings.ordered else None,
            remember=not incremental,
        )
        seen += len(items)
    yield Page(pa.table({}), place, seen + 1, final)
