"""What the collector answers when it does not take a request; each names the way out."""

from __future__ import annotations

from tsunagu.core import TsunaguError


class Refused(TsunaguError):
    """A request that is not taken; nothing of it was stored.

    `code` is for programs and the message for people, in the form that the Segment and
    RudderStack clients read. `retry_after` is in seconds and means that the same request may
    be sent again.
    """

    status = 400
    code = "invalid"
    retry_after = 0

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        return self.retry_after > 0


class BadRequest(Refused):
    """The body cannot be read or an event in it is incomplete."""


class Unauthorized(Refused):
    """No write key, or one that is not known."""

    status = 401
    code = "unauthorized"


class NotFromThisPage(Refused):
    """The write key may not be used from the page that a browser names."""

    status = 403
    code = "page_not_allowed"


class TooSlow(Refused):
    """The body did not arrive in time."""

    status = 408
    code = "timeout"


class TooLarge(Refused):
    """A batch or an event above the limit."""

    status = 413
    code = "too_large"


class UnknownEncoding(Refused):
    """A content encoding that is not gzip."""

    status = 415
    code = "unsupported_encoding"


class Overloaded(Refused):
    """More is waiting to be stored than this process may hold."""

    status = 429
    code = "overloaded"
    retry_after = 1


class Unavailable(Refused):
    """The database cannot be reached, or the process is stopping."""

    status = 503
    code = "unavailable"
    retry_after = 2
