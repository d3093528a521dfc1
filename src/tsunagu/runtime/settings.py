"""Settings: everything that may differ between two installations, read from `TSUNAGU_...`.

Nothing needs to be set: without any setting, data lives in `.tsunagu` below the current
folder, PostgreSQL is embedded and every address is on this machine alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from tsunagu.core import Invalid

PREFIX = "TSUNAGU_"


class Settings(BaseSettings):
    """The settings of one installation; each is the environment variable `TSUNAGU_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Path(".tsunagu")
    database_url: SecretStr | None = None
    host: str = "127.0.0.1"
    console_port: int = Field(default=8080, ge=0, le=65535)
    public_port: int = Field(default=8081, ge=0, le=65535)
    collect_port: int = Field(default=8082, ge=0, le=65535)
    mailbox_port: int = Field(default=8025, ge=0, le=65535)
    collectors: int = Field(default_factory=lambda: _collectors_here(), ge=1, le=64)
    public_url: str = ""
    collect_url: str = ""
    smtp_host: str = ""
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_user: str = ""
    smtp_password: SecretStr | None = None
    smtp_tls: bool = False
    mail_from: str = "Tsunagu <news@tsunagu.example>"
    zone: str = "UTC"
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    sql_seconds: float = Field(default=60, gt=0, le=3600)
    sql_memory_mb: int = Field(default=1024, ge=128)
    sql_disk_mb: int = Field(default=4096, ge=64)
    sql_places: int = Field(default=2, ge=1, le=64)
    dead_letter_days: int = Field(default=365, ge=0, le=36_500)

    @property
    def folder(self) -> Path:
        """The data folder as an absolute path."""
        return self.home.expanduser().absolute()

    @property
    def public_address(self) -> str:
        """Where customers reach the public pages, as written into mails; no slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.public_port}").rstrip("/")

    @property
    def local_mailbox(self) -> bool:
        """Mails stay on this machine, in the mailbox that the console shows."""
        return not self.smtp_host

    @property
    def smtp_address(self) -> tuple[str, int]:
        """Host and port that mails are handed to."""
        if self.local_mailbox:
            return self.host, self.mailbox_port
        return self.smtp_host, self.smtp_port

    @property
    def mailbox_folder(self) -> Path:
        """Where the local mailbox keeps its mails."""
        return self.folder / "mailbox"

    @property
    def collect_address(self) -> str:
        """Where events are posted to; no slash at the end."""
        return (self.collect_url or f"http://{self.host}:{self.collect_port}").rstrip("/")


def _collectors_here() -> int:
    """One collector for each core, up to four: beyond that the log's one writer is the limit."""
    return min(4, os.cpu_count() or 1)


def load_settings(**given: object) -> Settings:
    """The settings of the environment; `given` ones stand above it.

    Raises:
        Invalid: a variable has a value that cannot be used; the message names it.
    """
    try:
        return Settings(**given)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        lines = [
            f"{PREFIX}{str(problem['loc'][0]).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False)
        ]
        raise Invalid("A setting cannot be used.\n" + "\n".join(lines)) from None


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment for a child process that shall see exactly these settings."""
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in names}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        if value is not None:
            plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            kept[PREFIX + name.upper()] = plain
    kept[f"{PREFIX}HOME"] = str(settings.folder)
    return kept
