"""What holds a customer's identifiers together, and how they fall apart along it.

Edges are pairs of identifiers. Nothing here knows a database: the same graph is read when a
parting is proposed and when it is done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tsunagu.identity.decided import MOST_PARTED
from tsunagu.identity.kinds import Identifier

Pair = tuple[Identifier, Identifier]


def groups_of(held: Iterable[Identifier], pairs: Iterable[Pair]) -> dict[Identifier, int]:
    """Of each identifier the number of the group that these pairs join it to."""
    beside = _beside(pairs)
    found: dict[Identifier, int] = {}
    for number, one in enumerate(held):
        if one not in found:
            found |= dict.fromkeys(_reached(beside, one), number)
    return found


def side_of(pairs: Iterable[Pair], one: Identifier, other: Identifier) -> list[Identifier]:
    """The identifiers that these pairs join with `one`, but for that between `one` and `other`.

    Empty where other pairs join the two as well.
    """
    found = _reached(_beside(pair for pair in pairs if set(pair) != {one, other}), one)
    return [] if other in found else sorted(found)


def parting_between(
    pairs: Collection[Pair], a: Identifier, b: Identifier
) -> tuple[tuple[Identifier, ...], Identifier] | None:
    """Who leaves, and who stays, if the pair of `a` and `b` joins nothing any more.

    The smaller side leaves. One of the two stands first among those who leave, the other one is
    the one that stays. None where other pairs join the two as well, or too many would leave.
    """
    side_a, side_b = side_of(pairs, a, b), side_of(pairs, b, a)
    leaving, first, stays = (side_a, a, b) if len(side_a) < len(side_b) else (side_b, b, a)
    if not leaving or len(leaving) > MOST_PARTED:
        return None
    return (first, *(one for one in leaving if one != first)), stays


def _beside(pairs: Iterable[Pair]) -> dict[Identifier, set[Identifier]]:
    beside: dict[Identifier, set[Identifier]] = {}
    for a, b in pairs:
        beside.setdefault(a, set()).add(b)
        beside.setdefault(b, set()).add(a)
    return beside


def _reached(beside: dict[Identifier, set[Identifier]], one: Identifier) -> set[Identifier]:
    found, waiting = {one}, [one]
    while waiting:
        fresh = beside.get(waiting.pop(), set()) - found
        found |= fresh
        waiting += fresh
    return found
