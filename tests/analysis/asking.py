"""When the analysts' lakes begin, and what one of their questions may take in tests."""

from __future__ import annotations

from tsunagu.analysis import Limits
from tsunagu.core.times import parse_time

NOON = parse_time("2026-05-01T12:00:00Z")
LIMITS = Limits(seconds=20, memory=256 << 20, spill=256 << 20, rows=500)
