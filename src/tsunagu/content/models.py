"""A message is a document: one thing to say, in each language, on a channel, for a purpose."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tsunagu.core.times import parse_duration


class Wording(BaseModel):
    """The message in one language: subject, MJML for mail readers, plain text."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    subject: str = Field(min_length=1, max_length=500)
    mjml: str = Field(min_length=1, max_length=500_000)
    text: str = Field(min_length=1, max_length=100_000)


class Message(BaseModel):
    """The document of a message. `purpose` is what consent is asked for.

    `samples` are traits of customers made up to check and preview the message with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: dict[str, str]
    channel: str
    purpose: str
    languages: dict[str, Wording] = Field(min_length=1)
    expires_after: str = "2 days"
    samples: list[dict[str, Any]] = Field(default=[], max_length=20)

    @field_validator("expires_after")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        parse_duration(value)
        return value

    def language_for(self, wanted: str | None) -> str:
        """The language to speak to a customer: theirs, its base (`ja` for `ja-JP`), else English,
        else the first there is."""
        base = (wanted or "").replace("_", "-").partition("-")[0].lower()
        for language in (wanted, base, "en"):
            if language in self.languages:
                return language
        return next(iter(self.languages))

    def wording(self, language: str | None) -> Wording:
        """The wording in the language that `language_for` chooses."""
        return self.languages[self.language_for(language)]
