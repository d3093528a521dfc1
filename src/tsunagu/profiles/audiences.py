"""An audience is a document: a title and one rule; its members follow from the events."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator

from tsunagu.core.errors import Invalid
from tsunagu.core.rules import parse_rule


class Audience(BaseModel):
    """The document of an audience. `rule` is one expression of the rule language."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: dict[str, str]
    rule: str

    @field_validator("rule")
    @classmethod
    def _is_a_rule(cls, value: str) -> str:
        try:
            parse_rule(value)
        except Invalid as error:
            raise ValueError(str(error)) from error
        return value
