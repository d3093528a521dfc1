"""The premises: where this installation lies, for whoever handles its sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tsunagu.collect.sources.offspring import try_out
from tsunagu.collect.sources.orders import Look, Order
from tsunagu.collect.sources.vault import Secrets, Vault
from tsunagu.core import Json


@dataclass(frozen=True)
class Premises:
    """The data folder, and the folders that no source may read."""

    home: Path
    closed: tuple[str, ...] = ()

    @property
    def vault(self) -> Vault:
        """Where the secrets of sources are locked."""
        return Vault(self.home)

    def look(self, document: Json, name: str, secrets: Secrets) -> Look:
        """Try a source in a child process: what it answers, and its first ten rows as events.

        Raises:
            Invalid: what is wrong with it.
        """
        closed = (str(self.home.absolute()), *self.closed)
        order = Order(
            home=str(self.home), name=name, forbidden=closed, document=document, secrets=secrets
        )
        return try_out(order)
