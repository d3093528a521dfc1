"""Figures of one process: what its part counts and measures, for heartbeats and metrics.

Names are OpenTelemetry-like (`tsunagu.collect.events`, `tsunagu.pipeline.lag`); a counter only
grows, a gauge is the last value. Safe to use from several threads.
"""

from __future__ import annotations

from threading import Lock
from typing import Literal

Kind = Literal["counter", "gauge"]


class Figures:
    """A few named numbers; `read` gives them all at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counters: dict[str, float] = {}
        self._gauges: dict[str, float] = {}

    def add(self, name: str, amount: float = 1) -> None:
        """Counts `amount` more of something."""
        with self._lock:
            self._counters[name] = self._counters.get(name, 0) + amount

    def set(self, name: str, value: float) -> None:
        """Keeps the latest value of a measure."""
        with self._lock:
            self._gauges[name] = value

    def read(self) -> dict[Kind, dict[str, float]]:
        """All figures, by kind."""
        with self._lock:
            return {"counter": dict(self._counters), "gauge": dict(self._gauges)}
