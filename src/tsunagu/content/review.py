"""The check of a whole message before it is published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from tsunagu.channels import LinkSigner
from tsunagu.content.models import Message
from tsunagu.content.protocol import Check
from tsunagu.content.rendering import Renderer

MANDATORY = "mandatory"
"""The purpose of notices that must reach the customer: nothing to unsubscribe from."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. An error forbids publishing, a warning is for the writer.

    `part` is subject, mjml, text or message (all together); `line` counts in that part's
    source, 0 is the whole of it.
    """

    severity: Literal["error", "warning"]
    language: str
    part: str
    line: int
    text: str

    def __str__(self) -> str:
        where = f"{self.part}, line {self.line}" if self.line else self.part
        return f"{self.language}: {where}: {self.text}"


def check_message(message: Message) -> list[Problem]:
    """Everything that is wrong with a message, errors first; an empty list is a good one."""
    with Renderer(LinkSigner("https://example.com", b"")) as renderer:
        problems = [
            Problem(
                cast(Literal["error", "warning"], finding.severity),
                language,
                finding.part,
                finding.line,
                finding.text,
            )
            for language, wording in message.languages.items()
            for finding in renderer.check(
                Check(
                    wording.subject,
                    wording.mjml,
                    wording.text,
                    message.purpose != MANDATORY,
                    message.samples,
                )
            )
        ]
    return sorted(problems, key=lambda problem: problem.severity)
