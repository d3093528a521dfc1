"""The mailbox from the recipients' side: what came since they last looked."""

from __future__ import annotations

from collections.abc import Iterator

from tsunagu.channels.email import Mailbox, StoredMail

_PAGE = 500


def arrived_since(mailbox: Mailbox, last: int) -> list[StoredMail]:
    """The mails that arrived after the mail `last`, in the order of their arrival."""
    numbers = sorted(_numbers(mailbox, last))
    found = (mailbox.get(number) for number in numbers)
    return [mail for mail in found if mail is not None]


def _numbers(mailbox: Mailbox, last: int) -> Iterator[int]:
    before: int | None = None
    while page := mailbox.list(before=before, limit=_PAGE):
        for summary in page:
            if summary.mail_id <= last:
                return
            yield summary.mail_id
        before = page[-1].mail_id
