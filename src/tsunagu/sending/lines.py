"""The open lines to one provider: as many as there is work for, up to a limit.

A line carries one message at a time, so the limit is also how many messages a killed sender
can leave in doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tsunagu.channels import Channel
from tsunagu.sending.circuit import Circuit


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
        if missing > 0:
            lines = [self._make() for _ in range(missing)]
            refused = await asyncio.gather(*(line.connect() for line in lines))
            self._free += [line for line, why in zip(lines, refused, strict=True) if why is None]
        if not self._free and self.idle:
            self.circuit.broke()
        return bool(self._free)

    def take(self) -> Channel:
        """A free line; give it back after use."""
        self._busy += 1
        return self._free.pop()

    def give_back(self, line: Channel) -> None:
        """Keep a line for the next message, if it still stands."""
        self._busy -= 1
        if line.is_open:
            self._free.append(line)

    async def close(self) -> None:
        """Say goodbye on every free line."""
        lines, self._free = self._free, []
        await asyncio.gather(*(line.close() for line in lines))
