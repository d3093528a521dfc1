"""Explaining: what went wrong in a source, in words that say what to do and hold no secret."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl

from tsunagu.collect.sources.vault import Secrets
from tsunagu.core import TsunaguError

LONGEST = 600
_PASSWORD_IN_URL = re.compile(r"(\w+://[^\s:/@]+):[^\s@]+@")
_BACKGROUND = re.compile(r"\s*\(Background on this error at: \S+\)")
_SHORTEST_SECRET = 3
# By the name of the class, so that no library is imported to name its errors: what it means,
# and whether it may pass by itself.
_KNOWN: dict[str, tuple[str, bool]] = {
    "OperationalError": ("The database does not answer or refuses the user", True),
    "ProgrammingError": ("The database refuses the query; see table, columns and rights", False),
    "ArgumentError": ("The database's URL will not do", False),
    "NoSuchTableError": ("There is no such table or view", False),
    "DataError": ("The cursor does not fit its column any more; reset the source", False),
    "InvalidRequestError": ("The table cannot be read", False),
    "HTTPError": ("The API answers with an error", True),
    "ConnectionError": ("The API cannot be reached", True),
    "ConnectTimeout": ("The API cannot be reached", True),
    "ReadTimeout": ("The API does not answer in time", True),
    "AuthenticationException": ("The server refuses the user or key", False),
    "SSHException": ("The SFTP server ended the connection", True),
    "NoCredentialsError": ("No key was given for the bucket", False),
    "PermissionError": ("Access is refused; look at the key's rights", False),
    "FileNotFoundError": ("The path is not there", False),
    "IncrementalCursorInvalidCoercion": (
        "The cursor's column has changed its type; reset the source", False,
    ),
    "IncrementalCursorPathMissing": ("The rows have no such cursor any more", False),
}  # fmt: skip


def explain(error: BaseException, secrets: Secrets) -> tuple[str, bool]:
    """What happened, for the one who has to mend it, and whether trying again may help."""
    if isinstance(error, TsunaguError):
        return redact(str(error), secrets), error.retryable
    for cause in _causes(error):
        known = _named(cause)
        if known is not None:
            words, retryable = known
            status = getattr(getattr(cause, "response", None), "status_code", None)
            if isinstance(status, int) and status < 500 and status != 429:
                retryable = False
            return redact(f"{words}: {_short(cause)}", secrets), retryable
    return redact(f"{type(error).__name__}: {_short(error)}", secrets), True


def _named(error: BaseException) -> tuple[str, bool] | None:
    if isinstance(error, TsunaguError):
        return str(error), error.retryable
    if isinstance(error, ssl.SSLCertVerificationError):
        return "The server's certificate is not valid", False
    if isinstance(error, socket.gaierror):
        return "The server's name is not known", True
    if isinstance(error, (TimeoutError, ConnectionError, imaplib.IMAP4.abort)):
        return "The server does not answer", True
    return next(
        (_KNOWN[kind.__name__] for kind in type(error).mro() if kind.__name__ in _KNOWN), None
    )


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what led to it, the root first: libraries wrap what matters."""
    found: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in found:
        found.append(step)
        step = step.__cause__ or step.__context__
    return found[::-1]


def _short(error: BaseException) -> str:
    text = _BACKGROUND.sub("", str(error)) or type(error).__name__
    return " ".join(text.split())


def redact(text: str, secrets: Secrets) -> str:
    """A text without the secrets, nor a password in a URL."""
    for secret in sorted(secrets.values(), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "•••")
    return _PASSWORD_IN_URL.sub(r"\1:•••@", text)[:LONGEST]
