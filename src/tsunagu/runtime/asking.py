"""The places at which analysts' questions are answered, as the settings bound them."""

from __future__ import annotations

from tsunagu.analysis import Analysts, Limits
from tsunagu.runtime.settings import Settings

_MB = 1 << 20


def analysts_of(settings: Settings) -> Analysts:
    """The places of this installation; no process runs before the first question."""
    limits = Limits(
        seconds=settings.sql_seconds,
        memory=settings.sql_memory_mb * _MB,
        spill=settings.sql_disk_mb * _MB,
    )
    return Analysts(settings.folder / "lake", limits=limits, places=settings.sql_places)
