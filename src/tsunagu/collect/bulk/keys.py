"""Message ids as 128-bit keys, sorted in files: what a load asks "was this one here before?".

A key is the MD5 of the message id, as the log's memory of HTTP events keeps it. A run holds
many of them: the first halves in order, the second halves beside them, and a small blocked
Bloom filter in front (16 bits a key, three of them set), so that a key that is new costs one
look into the filter and nothing else. Files are written once, synced and never changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Halves = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

BLOCK_BITS = 512
KEYS_PER_BLOCK = BLOCK_BITS // 16
# How many keys are sorted at once when runs are joined.
JOINED_AT_ONCE = 4 << 20
_WITHIN = np.uint64(BLOCK_BITS - 1)
_SHIFTS = (0, 9, 18)


@dataclass(frozen=True)
class Keys:
    """Many keys: both halves, side by side."""

    high: Halves
    low: Halves

    def __len__(self) -> int:
        return len(self.high)

    def take(self, chosen: npt.NDArray[Any]) -> Keys:
        """The keys at these places, or those that are flagged."""
        return Keys(self.high[chosen], self.low[chosen])

    def sorted(self) -> Keys:
        """The same keys in the order of a run."""
        return self.take(np.argsort(self.high, kind="stable"))


NO_KEYS = Keys(np.empty(0, np.uint64), np.empty(0, np.uint64))


def keys_of(message_ids: Iterable[str]) -> Keys:
    """The keys of some message ids."""
    return keys_from(b"".join(md5(i.encode(), usedforsecurity=False).digest() for i in message_ids))


def keys_from(raw: bytes) -> Keys:
    """The keys in a sequence of 16-byte digests."""
    pairs = np.frombuffer(raw, "<u8").reshape(-1, 2)
    return Keys(np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1]))


def joined(some: Sequence[Keys]) -> Keys:
    """All keys of several, one behind the other."""
    if not some:
        return NO_KEYS
    return Keys(np.concatenate([k.high for k in some]), np.concatenate([k.low for k in some]))


def repeated(keys: Keys) -> Flags:
    """Which keys stand earlier among the same keys."""
    order = np.lexsort((keys.low, keys.high))  # stable: of equal keys the first stays first
    again = np.zeros(len(keys), np.bool_)
    high, low = keys.high[order], keys.low[order]
    again[order[1:]] = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
    return again


class Run:
    """Sorted keys with their filter, in memory or mapped from a file."""

    def __init__(self, keys: Keys, filtered: Bytes) -> None:
        self.keys = keys
        self._filter = filtered

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def of(cls, keys: Keys) -> Run:
        """A run in memory of keys in any order."""
        ordered = keys.sorted()
        blocks = _blocks(len(ordered))
        return cls(ordered, _filter(ordered.high, blocks, 0, blocks))

    @classmethod
    def open(cls, path: Path, count: int) -> Run:
        """The run in a file, whose pages are read when a key asks for them."""
        high = np.memmap(path, np.uint64, "r", 0, (count,))
        low = np.memmap(path, np.uint64, "r", 8 * count, (count,))
        size = _blocks(count) * BLOCK_BITS // 8
        filtered = np.memmap(path, np.uint8, "r", 16 * count, (size,))
        return cls(Keys(high, low), filtered)

    def write(self, path: Path) -> None:
        """Make the run survive a power cut."""
        with path.open("wb") as file:
            for part in (self.keys.high, self.keys.low, self._filter):
                file.write(part.tobytes())
            file.flush()
            os.fsync(file.fileno())

    def holds(self, keys: Keys) -> Flags:
        """Which of these keys are in the run."""
        found = np.zeros(len(keys), np.bool_)
        if not len(self) or not len(keys):
            return found
        perhaps = np.ones(len(keys), np.bool_)
        for place in _bits(keys.high, _blocks(len(self))):
            perhaps &= (self._filter[place >> 3] >> (place & 7).astype(np.uint8)) & 1 == 1
        asked = np.flatnonzero(perhaps)
        found[asked] = self._certain(keys.take(asked))
        return found

    def _certain(self, keys: Keys) -> Flags:
        place = np.searchsorted(self.keys.high, keys.high)
        found = np.zeros(len(keys), np.bool_)
        open_ = np.arange(len(keys))
        while len(open_):  # a second turn only where first halves are equal
            open_ = open_[place[open_] < len(self)]
            open_ = open_[self.keys.high[place[open_]] == keys.high[open_]]
            hit = self.keys.low[place[open_]] == keys.low[open_]
            found[open_[hit]] = True
            open_ = open_[~hit]
            place[open_] += 1
        return found


def join_runs(runs: Sequence[Run], path: Path) -> int:
    """Write one run that holds the keys of several, within bounded memory; returns how many."""
    total = sum(map(len, runs))
    pieces = max(1, -(-total // JOINED_AT_ONCE))
    blocks = _blocks(total)
    # Cut where the filter's blocks are cut, so that each piece fills a stretch of it.
    pieces = min(blocks, 1 << (pieces - 1).bit_length())
    with path.open("wb") as file:
        file.truncate(16 * total + blocks * BLOCK_BITS // 8)
        done = 0
        for piece in range(pieces):
            keys = joined([_stretch(run.keys, piece, pieces) for run in runs]).sorted()
            first, last = piece * blocks // pieces, (piece + 1) * blocks // pieces
            filtered = _filter(keys.high, blocks, first, last)
            for offset, part in (
                (8 * done, keys.high),
                (8 * (total + done), keys.low),
                (16 * total + first * BLOCK_BITS // 8, filtered),
            ):
                file.seek(offset)
                file.write(part.tobytes())
            done += len(keys)
        file.flush()
        os.fsync(file.fileno())
    return total


def _stretch(keys: Keys, piece: int, pieces: int) -> Keys:
    """The keys of one of `pieces` (a power of two) equal parts of all there could be."""
    if pieces == 1:
        return Keys(np.asarray(keys.high), np.asarray(keys.low))
    shift = 64 - pieces.bit_length() + 1
    start = np.searchsorted(keys.high, np.uint64(piece << shift))
    last = piece + 1 == pieces
    stop = len(keys) if last else np.searchsorted(keys.high, np.uint64((piece + 1) << shift))
    return Keys(np.asarray(keys.high[start:stop]), np.asarray(keys.low[start:stop]))


def _blocks(count: int) -> int:
    """The filter's blocks: a power of two."""
    return 1 << max(0, (-(-count // KEYS_PER_BLOCK) - 1)).bit_length()


def _bits(high: Halves, blocks: int) -> Iterable[npt.NDArray[np.int64]]:
    """The three bits of each key, all in the block that its leading bits name."""
    wide = blocks.bit_length() - 1
    first = (high >> np.uint64(64 - wide)) * np.uint64(BLOCK_BITS) if wide else np.uint64(0)
    for shift in _SHIFTS:
        yield (first + ((high >> np.uint64(shift)) & _WITHIN)).astype(np.int64)


def _filter(high: Halves, blocks: int, first: int, last: int) -> Bytes:
    """The blocks from `first` to before `last` of the filter of these keys."""
    flags = np.zeros((last - first) * BLOCK_BITS, np.bool_)
    for place in _bits(high, blocks):
        flags[place - first * BLOCK_BITS] = True
    return np.packbits(flags, bitorder="little")
