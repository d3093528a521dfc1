"""Writing: a claimed group becomes mails, rendered and built, ready for archive and hand-over.

A message that was archived by an earlier attempt is not written again: what is in the archive
is what leaves. A message that cannot be written fails alone, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tsunagu.channels import Outgoing
from tsunagu.channels.email import Mail, MailBuilder
from tsunagu.content import Message, Rendered, Renderer, RenderFailure, RenderJob, Wording
from tsunagu.core import Invalid
from tsunagu.decisions.policy import MANDATORY
from tsunagu.sending.archive import Archived
from tsunagu.sending.models import Claim, Ending

Messages = Mapping[tuple[str, int], Message]

EMAIL = "email"
_WARM_UP = Wording(subject="-", mjml="<mjml><mj-body></mj-body></mjml>", text="-")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready to leave; `archive` is None when it lies in the archive already."""

    claim: Claim
    outgoing: Outgoing
    archive: Archived | None


@dataclass
class Written:
    """What became of a claimed group."""

    ready: list[Prepared] = field(default_factory=list[Prepared])
    failed: list[Ending] = field(default_factory=list[Ending])


class Writer:
    """Writes mails with one renderer and one sender's address."""

    def __init__(self, renderer: Renderer, builder: MailBuilder) -> None:
        self._renderer = renderer
        self._builder = builder

    def warm_up(self) -> None:
        """Start the renderer's worker now, so that no customer's message waits for it."""
        self._renderer.render([RenderJob(0, 0, "", 0, "en", _WARM_UP, {})])

    def write(
        self, workspace_id: int, claims: Sequence[Claim], messages: Messages, now: int
    ) -> Written:
        """Write a group of one workspace; the order of the claims is kept.

        Args:
            messages: the documents of the versions that the claims name, where they exist.
            now: business time, the date of the mails.
        """
        written = Written()
        fresh: list[tuple[Claim, RenderJob]] = []
        for claim in claims:
            message = messages.get((claim.identity.message, claim.message_version))
            if claim.identity.channel != EMAIL:
                written.failed.append(_failed(claim, "no_channel", "nothing sends on this channel"))
            elif claim.archived is not None:
                written.ready.append(_prepared(claim, claim.archived, None))
            elif message is None:
                written.failed.append(_failed(claim, "no_message", "this version does not exist"))
            else:
                fresh.append((claim, _job(workspace_id, claim, message)))
        results = self._renderer.render([job for _, job in fresh])
        for (claim, job), result in zip(fresh, results, strict=True):
            self._finish(written, claim, job.language, result, now)
        return written

    def _finish(
        self,
        written: Written,
        claim: Claim,
        language: str,
        result: Rendered | RenderFailure,
        now: int,
    ) -> None:
        if isinstance(result, RenderFailure):
            written.failed.append(_failed(claim, "not_rendered", result.detail))
            return
        mandatory = claim.identity.purpose == MANDATORY
        mail = Mail(
            key=claim.send_key,
            to=claim.address,
            subject=result.subject,
            html=result.html,
            text=result.text,
            at=now,
            language=language,
            unsubscribe_url=None if mandatory else result.unsubscribe_url,
        )
        try:
            content = self._builder.build(mail)
        except Invalid as error:
            written.failed.append(_failed(claim, "bad_address", str(error)))
            return
        archive = Archived(
            send_id=claim.send_id,
            customer_id=claim.customer_id,
            channel=claim.identity.channel,
            message=claim.identity.message,
            message_version=claim.message_version,
            address=claim.address,
            subject=result.subject,
            content=content,
            at=now,
        )
        written.ready.append(_prepared(claim, content, archive))


def _job(workspace_id: int, claim: Claim, message: Message) -> RenderJob:
    wanted = claim.traits.get("language")
    language = message.language_for(wanted if isinstance(wanted, str) else None)
    return RenderJob(
        workspace_id,
        claim.send_id,
        claim.identity.message,
        claim.message_version,
        language,
        message.languages[language],
        claim.traits,
    )


def _prepared(claim: Claim, content: bytes, archive: Archived | None) -> Prepared:
    return Prepared(claim, Outgoing(claim.send_key, claim.address, content), archive)


def _failed(claim: Claim, reason: str, detail: str) -> Ending:
    return Ending(claim.identity, "failed", reason, detail)
