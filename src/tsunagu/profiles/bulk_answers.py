"""Answers in bulk: the audiences of folded customers, and their rows on the way to `profiles`."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from tsunagu.core.rules import evaluate
from tsunagu.profiles.bulk import Folded
from tsunagu.profiles.features import Plan
from tsunagu.profiles.sight import Sight
from tsunagu.profiles.state import encode_state
from tsunagu.storage import text_array

_encode = msgspec.json.encode


@dataclass
class Answers:
    """Who is in which audience since when (microseconds), and who no longer is."""

    entered: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    left: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])


class Asker:
    """Answers audiences, all as of `closing` (microseconds) or a customer's own later time."""

    def __init__(self, plan: Plan, closing: int) -> None:
        self._plan, self._closing = plan, closing
        self._sight = Sight(plan)
        self.answers = Answers()

    def answer(self, folded: Sequence[Folded]) -> None:
        """Set audiences and timers; what changed is added to `answers`.

        Who is stale keeps the audiences they had, for the pipeline to answer anew.
        """
        rules = self._plan.rules
        asked = [one for one in folded if not one.stale]
        rows: list[list[Any]] = []
        for one in folded:
            # What is no longer published is answered by nobody and stays as it was.
            inside = one.state.audiences
            one.state.audiences = (
                one.before if one.stale else [name for name in inside if name not in rules]
            )
        for one in asked if rules else ():
            state = one.state
            state.now = max(state.now, self._closing)
            row, state.audience_wake = self._sight.look(state, state.now)
            rows.append(row)
        if not rows:
            return
        columns = dict(zip(self._plan.columns, map(list, zip(*rows, strict=True)), strict=True))
        found = evaluate(rules, columns)
        for name in sorted(found):
            for place in np.flatnonzero(found[name]).tolist():
                asked[place].state.audiences.append(name)
        for one in asked:
            if one.before or one.state.audiences:
                self._compare(one)

    def _compare(self, one: Folded) -> None:
        one.state.audiences.sort()
        now, before = one.state.now, set(one.before)
        for name in one.state.audiences:
            if name not in before:
                self.answers.entered.append((name, one.customer, now))
        after = set(one.state.audiences)
        self.answers.left.extend((name, one.customer) for name in one.before if name not in after)


# A row of `COPY`'s binary format: how many fields, then each with its size before it.
_HEAD = struct.Struct(">h" + "iq" * 6 + "i?")
_SIZE = struct.Struct(">i")
_NULL = _SIZE.pack(-1)
_NOBODY = _SIZE.pack(2) + b"{}"
COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TAIL = b"\xff\xff"


def rows_of(folded: Sequence[Folded], wakes: Mapping[int, int], now: int) -> bytes:
    """The profiles' rows in the binary format of `COPY`, in the order of `FOLDED_COLUMNS`.

    Args:
        wakes: when enrolment timers are due.
        now: when the timers of stale customers are due.
    """
    parts: list[bytes] = []
    for one in folded:
        state = one.state
        wake = now if one.stale else state.audience_wake
        other = wakes.get(one.customer, 0)
        if other and (not wake or other < wake):
            wake = other
        raw = encode_state(state)
        traits = _NULL
        if one.retold:
            text = one.text or _encode(state.values())
            traits = _SIZE.pack(len(text)) + text
        audiences = _NOBODY
        if state.audiences:
            text = text_array(state.audiences).encode()
            audiences = _SIZE.pack(len(text)) + text
        head = _HEAD.pack(
            10, 8, one.customer, 8, wake, 8, state.first_seen, 8, state.last_seen,
            8, state.events, 8, state.position, 1, one.stale,
        )  # fmt: skip
        parts += (head, traits, audiences, _SIZE.pack(len(raw)), raw)
    return b"".join(parts)
