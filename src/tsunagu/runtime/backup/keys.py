"""The installation's secrets in a backup: as they are, or locked by a passphrase."""

from __future__ import annotations

import os
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tsunagu.core import Denied, Invalid

SHORTEST = 12
_PURPOSE = b"tsunagu backup keys"
# 128 MiB and half a second a guess.
_COST, _BLOCK, _LANES = 1 << 17, 8, 1


class _Locked(msgspec.Struct, frozen=True):
    cost: int
    block: int
    lanes: int
    salt: bytes
    nonce: bytes
    box: bytes


def fingerprint(secret: str) -> str:
    """A mark by which the right signing secret is known; it has 256 random bits to hide in."""
    return sha256(_PURPOSE + secret.encode()).hexdigest()[:32]


def lock(keys: bytes, passphrase: str) -> bytes:
    """Encrypt by a key that scrypt draws from the passphrase.

    Raises:
        Invalid: the passphrase is too short.
    """
    if len(passphrase) < SHORTEST:
        raise Invalid(f"A passphrase needs {SHORTEST} characters or more; four words are good.")
    salt, nonce = os.urandom(16), os.urandom(12)
    key = _key(passphrase, salt, _COST, _BLOCK, _LANES)
    box = AESGCM(key).encrypt(nonce, keys, _PURPOSE)
    return msgspec.json.encode(_Locked(_COST, _BLOCK, _LANES, salt, nonce, box))


def unlock(locked: bytes, passphrase: str) -> bytes:
    """What was locked.

    Raises:
        Denied: the passphrase is not the one it was locked by.
    """
    found = msgspec.json.decode(locked, type=_Locked)
    key = _key(passphrase, found.salt, found.cost, found.block, found.lanes)
    try:
        return AESGCM(key).decrypt(found.nonce, found.box, _PURPOSE)
    except InvalidTag:
        raise Denied("The passphrase is not the one of this backup; nothing was done.") from None


def _key(passphrase: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    derived = Scrypt(salt=salt, length=32, n=cost, r=block, p=lanes)
    return derived.derive(passphrase.encode())
