"""Turns: what many workers do side by side, but must do in the order of their parts."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager


class GivenUp(Exception):
    """The work ends here; nobody's turn comes any more."""


class Turns:
    """Lets one worker in at a time, in the order of numbers from `first` on."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._given_up = False
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, number: int) -> Generator[None]:
        """Wait for the number's turn; the next one's comes at the end of the block.

        Raises:
            GivenUp: it will not come.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._given_up or self._next == number)
            if self._given_up:
                raise GivenUp
        yield
        with self._changed:
            self._next = number + 1
            self._changed.notify_all()

    def give_up(self) -> None:
        """Let nobody in any more. Who is inside goes on to the end of the block."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()
