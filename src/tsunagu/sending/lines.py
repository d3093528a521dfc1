"""The open lines to one provider: as many as there is work for, up to a limit.

A line carries one message at a time, so the limit is also how many messages a killed sender
can leave in doubt.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from tsunagu.channels import Channel
from tsunagu.sending.circuit import Circuit

_log = logging.getLogger("tsunagu.sender")


class Lines:
    """Lines of one provider, and the circuit that spares it while it is down."""

    def __init__(self, make: Callable[[], Channel], limit: int) -> None:
        self._make = make
        self._limit = limit
        self._free: list[Channel] = []
        self._busy = 0
        self.circuit = Circuit()

    @property
    def free(self) -> int:
        """How many lines stand and wait for a message."""
        self._free = [line for line in self._free if line.is_open]
        return len(self._free)

    @property
    def idle(self) -> bool:
        """Whether no line carries a message."""
        return self._busy == 0

    @property
    def available(self) -> bool:
        """Whether a line is free or another one may be opened."""
        return self.free > 0 or self._busy < self._limit

    async def open(self, wanted: int) -> bool:
        """Open lines until `wanted` are free or the limit is reached; whether any is free."""
        missing = min(wanted - self.free, self._limit - self._busy - self.free)
        if missing <= 0:
            return bool(self._free)
        lines = [self._make() for _ in range(missing)]
        answers = await asyncio.gather(*(line.connect() for line in lines))
        self._free += [line for line, why in zip(lines, answers, strict=True) if why is None]
        if not self._free and self.idle:
            self.circuit.broke()
            why = next(answer.detail for answer in answers if answer is not None)
            _log.warning("Messages wait, again in %.1f s: %s", self.circuit.wait, why)
        return bool(self._free)

    def take(self) -> Channel:
        """A free line, or one that opens itself if they fell meanwhile; give it back after use."""
        self._busy += 1
        return self._free.pop() if self._free else self._make()

    def give_back(self, line: Channel) -> None:
        """Keep a line for the next message, if it still stands."""
        self._busy -= 1
        if line.is_open:
            self._free.append(line)

    async def close(self) -> None:
        """Say goodbye on every free line."""
        lines, self._free = self._free, []
        await asyncio.gather(*(line.close() for line in lines))
