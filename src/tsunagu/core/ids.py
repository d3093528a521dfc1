"""Stable identifiers and chance, both drawn from names instead of a generator.

A retry, another cut of the log or a second run must give the same customer ids, the same
holdout and the same message ids, so everything random is a hash of stable names.
"""

from __future__ import annotations

from hashlib import blake2b

_SEPARATOR = b"\x1f"


def _digest(names: tuple[str | int, ...], size: int) -> bytes:
    return blake2b(_SEPARATOR.join(str(n).encode() for n in names), digest_size=size).digest()


def stable_id(*names: str | int) -> int:
    """A positive 63-bit integer that depends on the names alone."""
    return int.from_bytes(_digest(names, 8)) >> 1


def stable_key(*names: str | int) -> str:
    """A 128-bit hexadecimal key that depends on the names alone."""
    return _digest(names, 16).hex()


def chance(*names: str | int) -> float:
    """A uniform number in [0, 1) that depends on the names alone."""
    return int.from_bytes(_digest(names, 8)) / 2**64
