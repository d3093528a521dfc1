"""dlt in our process: its sources and its incremental state, without a destination.

dlt keeps its state in whatever dictionary is injected while a resource is iterated, and has
moved it past a page by the time it hands the page out. So the state that is copied with each
page is the cursor that belongs to it. Nothing is reported to anybody: its telemetry is off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")

from dlt.common.configuration.container import Container
from dlt.common.json import json
from dlt.common.pipeline import StateInjectableContext
from dlt.extract import DltResource
from dlt.extract.items_transform import ItemTransform

_SOURCES = "sources"


@dataclass(frozen=True)
class _Whole:
    """A page that dlt's iterator hands out in one piece; it takes lists apart."""

    items: Any


class _KeepWhole(ItemTransform[Any, Any]):
    placement_affinity: ClassVar[float] = 1.5  # behind the step that moves the cursor

    def __call__(self, item: Any, meta: Any = None) -> Any:
        return _Whole(item)


def with_state(resource: DltResource, state: str) -> Iterator[tuple[Any, str]]:
    """The pages of a dlt resource, each with the state after it as text.

    Args:
        resource: gives Arrow tables or lists of objects.
        state: as this function gave it, or `{}`.
    """
    kept: dict[str, Any] = {_SOURCES: json.typed_loads(state)}
    resource.add_step(_KeepWhole(_same))
    with Container().injectable_context(StateInjectableContext(state=kept)):  # pyright: ignore[reportArgumentType]
        pages = iter(resource)
    for page in pages:
        yield page.items, json.typed_dumps(kept[_SOURCES])


def _same(item: Any) -> Any:
    return item
