"""The circuit of one provider: when it is down, wait growing times instead of knocking.

While it is open nothing is claimed for the provider, so no message loses an attempt and other
channels go on. Then one message alone tries the way, and the first success closes it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

TOLERATED = 16
FIRST_WAIT = 0.25
LONGEST_WAIT = 30.0


class Circuit:
    """Counts a provider's failures; times are seconds of a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._trips = 0
        self._open_until = 0.0

    @property
    def wait(self) -> float:
        """Seconds until the provider may be asked again; 0 is now."""
        return max(0.0, self._open_until - self._clock())

    @property
    def probing(self) -> bool:
        """Whether only one message may try the way."""
        return self._trips > 0

    def succeeded(self) -> None:
        """The provider did its work, were it only to refuse a message for good."""
        self._failures = 0
        self._trips = 0
        self._open_until = 0.0

    def failed(self) -> None:
        """The provider put a message off; many in a row mean that it cannot work."""
        self._failures += 1
        if self._failures >= TOLERATED or self.probing:
            self.broke()

    def broke(self) -> None:
        """The provider cannot be reached at all."""
        self._failures = 0
        self._open_until = self._clock() + min(LONGEST_WAIT, FIRST_WAIT * 2.0**self._trips)
        self._trips = min(self._trips + 1, 16)
