"""A replay: what it is asked to do and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psycopg.types.multirange import Multirange

STAGES = ("identity", "profiles", "audiences")
State = Literal["running", "ready", "swapped"]


@dataclass(frozen=True)
class Replay:
    """One replay of a workspace. Times are microseconds; None is no bound.

    `done` are the positions that it has read. `compared` says whether all customers were.
    """

    workspace_id: int
    replay_id: int
    shadow: int
    stages: tuple[str, ...]
    from_at: int | None
    to_at: int | None
    plan: str
    state: State
    done: Multirange[int]
    events: int
    compared: bool

    @property
    def identifies(self) -> bool:
        """Whether it may change which identifiers are one person; it finds that anew always."""
        return "identity" in self.stages

    @property
    def whole(self) -> bool:
        """Whether it holds all of the log, and so can take the place of what is live."""
        return self.from_at is None and self.to_at is None

    @property
    def position(self) -> int:
        """The last position that it has read."""
        return max((part.upper or 1 for part in self.done), default=1) - 1

    def has_read(self, position: int) -> bool:
        """Whether the event at a position is in it."""
        return any(position in part for part in self.done)


@dataclass(frozen=True)
class Difference:
    """A customer who is not the same in the shadow.

    `what` is of `only live`, `only replayed`, `traits`, `consents`, `audiences`, `history` and
    `lists` (alike, but not in the same lists of an audience's members or of consents);
    `detail` has, for each trait or audience, both values and the log positions that set them.
    """

    customer_id: int
    what: tuple[str, ...]
    detail: dict[str, object]
