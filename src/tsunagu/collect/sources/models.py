"""Source documents: what a source is, apart from its secrets and where it stands.

A document is JSON or YAML, kept in versions like every definition. Secrets never stand in it:
a setting that needs one names it, and the vault keeps the value.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from croniter import croniter
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tsunagu.core import Json
from tsunagu.core.times import SECOND, parse_duration

NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"
SHORTEST_INTERVAL = 10 * SECOND
PAGE_ROWS = 5_000
_PLACEHOLDER = re.compile(r"\{secrets\.([A-Za-z0-9_]+)\}")

Kind = Literal["sql", "files", "rest", "webhook", "imap"]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Schedule(_Document):
    """When a source runs: each interval, or by a cron line in a zone."""

    every: str | None = Field(default=None, examples=["15 minutes"])
    cron: str | None = Field(default=None, examples=["0 3 * * *"])
    zone: str = "UTC"

    @model_validator(mode="after")
    def _one_of_two(self) -> Schedule:
        if (self.every is None) == (self.cron is None):
            raise ValueError("give either `every` or `cron`")
        if self.every is not None and parse_duration(self.every) < SHORTEST_INTERVAL:
            raise ValueError("`every` is 10 seconds or more")
        if self.cron is not None and not croniter.is_valid(self.cron):
            raise ValueError(f"{self.cron!r} is not a cron line; write for example '0 3 * * *'")
        if self.zone not in available_timezones():
            raise ValueError(f"there is no time zone {self.zone!r}; write for example Asia/Tokyo")
        return self


class Sql(_Document):
    """A table or view of a database that SQLAlchemy reaches. Secret: `password`."""

    kind: Literal["sql"]
    url: str = Field(
        description="An SQLAlchemy URL without the password.",
        examples=["postgresql+psycopg://reader@db.example/shop"],
    )
    table: str = Field(min_length=1)
    schema_name: str | None = Field(default=None, alias="schema")
    columns: list[str] | None = None
    mode: Literal["incremental", "full"] = "incremental"
    cursor: str | None = Field(default=None, description="The column that grows with each change.")
    primary_key: list[str] = Field(default_factory=list)
    start: str | None = Field(default=None, description="Take nothing older than this cursor.")
    lag: int = Field(
        default=0, ge=0, description="Read again this far back: seconds, or units of a number."
    )
    empty_cursor: Literal["refuse", "skip"] = "refuse"

    @model_validator(mode="after")
    def _needs_a_cursor(self) -> Sql:
        if (self.mode == "incremental") != (self.cursor is not None):
            raise ValueError(
                "mode `incremental` needs `cursor`, a column that grows with each change; "
                "without one use mode `full`, which compares rows"
            )
        return self


class Files(_Document):
    """Files of a folder or bucket. Secrets: `password`, `private_key`, `key`, `secret`, `token`."""

    kind: Literal["files"]
    path: str = Field(
        description="A folder, or a URL of fsspec: s3, gs, az, sftp.",
        examples=["/srv/drop", "s3://bucket/exports", "sftp://shop@files.example/out"],
    )
    glob: str = "*"
    after: Literal["remember", "move"] = "remember"
    changed: Literal["whole", "appended", "ignore"] = "whole"
    settle: int = Field(
        default=5, ge=0, description="Seconds for which a file must not have changed."
    )
    options: dict[str, str | int | bool] = Field(
        default_factory=dict, description="For the file system, such as `endpoint_url` of S3."
    )


class Rest(_Document):
    """An HTTP API, described as dlt's `rest_api` does. Secrets: any, as `{secrets.NAME}`."""

    kind: Literal["rest"]
    client: Json = Field(examples=[{"base_url": "https://api.example/v1/"}])
    resource: Json = Field(description="One resource: name, endpoint, incremental, paginator.")
    ordered: bool = Field(
        default=False, description="The API answers the oldest first, so that a run can go on."
    )


class Signature(_Document):
    """How a webhook proves who sends it. Secret: `secret`.

    A preset, or an HMAC of one's own: `signed` says over what, with `{body}`, `{timestamp}`
    and `{id}`.
    """

    scheme: Literal["stripe", "shopify", "github", "slack", "line", "standard", "hmac"]
    header: str = ""
    digest: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    signed: str = "{body}"
    timestamp_header: str = ""
    id_header: str = ""
    window: int = Field(default=300, ge=1, le=86_400, description="Seconds a stamp stays good.")

    @model_validator(mode="after")
    def _own_scheme(self) -> Signature:
        if self.scheme == "hmac" and not self.header:
            raise ValueError("`hmac` needs `header`, the name of the header with the signature")
        if "{body}" not in self.signed:
            raise ValueError("`signed` must contain {body}, or anybody could change it")
        if ("{timestamp}" in self.signed) != bool(self.timestamp_header):
            raise ValueError("`timestamp_header` and {timestamp} in `signed` go together")
        return self


class Webhook(_Document):
    """Calls that somebody else's system makes to us. Secret: `secret`."""

    kind: Literal["webhook"]
    signature: Signature
    items: str | None = Field(default=None, description="The field that holds a list of events.")


class Imap(_Document):
    """A mail folder: its mails, or the tables attached to them. Secret: `password`."""

    kind: Literal["imap"]
    host: str
    port: int = Field(default=993, ge=1, le=65_535)
    user: str
    folder: str = "INBOX"
    security: Literal["tls", "starttls", "none"] = "tls"
    take: Literal["mail", "attachments"] = "attachments"
    glob: str = "*.csv"
    sender: str | None = Field(default=None, description="Only mails from this address.")

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> Imap:
        if self.security == "none" and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("`security: none` would send the password in the clear; use `tls`")
        return self


Settings = Annotated[Sql | Files | Rest | Webhook | Imap, Field(discriminator="kind")]


class Source(_Document):
    """A source: where rows come from, how they become events, and when."""

    settings: Settings = Field(alias="from")
    mapping: str | Json = Field(description="The name of a ready mapping, or a mapping.")
    schedule: Schedule | None = Field(default=None, description="None: only when asked.")
    events: list[str] = Field(
        default_factory=list, description="The events it may send; empty: all that it maps to."
    )
    title: str = ""

    @field_validator("events")
    @classmethod
    def _named(cls, events: list[str]) -> list[str]:
        if any(not name.strip() for name in events):
            raise ValueError("an event's name is empty")
        return events

    @property
    def kind(self) -> Kind:
        """Which kind of source it is."""
        return self.settings.kind

    def secret_names(self) -> set[str]:
        """The secrets that the document cannot do without."""
        match self.settings:
            case Rest(client=client, resource=resource):
                return placeholders([client, resource])
            case Webhook():
                return {"secret"}
            case Imap():
                return {"password"}
            case _:
                return set()


def placeholders(value: Any) -> set[str]:
    """The names in `{secrets.NAME}` anywhere in a JSON value."""
    if isinstance(value, str):
        return set(_PLACEHOLDER.findall(value))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set[str]().union(*(placeholders(part) for part in inner))


def fill(value: Any, secrets: dict[str, str]) -> Any:
    """A JSON value with each `{secrets.NAME}` replaced."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: secrets[found[1]], value)
    if isinstance(value, dict):
        return {name: fill(part, secrets) for name, part in value.items()}
    return [fill(part, secrets) for part in value] if isinstance(value, list) else value
