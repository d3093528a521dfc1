"""The few kinds of error the platform raises. Each message says what to do next."""

from __future__ import annotations


class TsunaguError(Exception):
    """An error with a message for the person who has to act on it."""

    retryable = False


class Retryable(TsunaguError):
    """The same call may succeed later: a lost connection, a busy server, a full queue."""

    retryable = True


class Invalid(TsunaguError):
    """The caller's input is wrong and will be wrong again."""


class NotFound(TsunaguError):
    """The thing asked for does not exist in this workspace."""


class Denied(TsunaguError):
    """The caller is not allowed to do this."""
