"""Showing how far a backup or a restore has come: a bar at a terminal, a line at each end."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class Advance(Protocol):
    """Tells how many more bytes are dealt with, and the total where it was not known before."""

    def __call__(self, size: int, total: int = 0, /) -> None: ...


class Stages:
    """Tells of stages, one after the other, on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def stage(self, title: str, total: int) -> Generator[Advance]:
        """One stage; call what it gives with the bytes that have been dealt with since."""
        began = time.monotonic()
        done = 0
        progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        with progress:
            task = progress.add_task(title, total=max(total, 1))

            def advance(size: int, known: int = 0, /) -> None:
                nonlocal done
                done += size
                progress.update(task, completed=done, total=max(total, known, done, 1))

            yield advance
        took = time.monotonic() - began
        self._console.print(f"[green]✓[/green] {title} ({shown_size(done)}, {took:.1f} s)")


def shown_size(size: float) -> str:
    """Bytes in the largest unit that leaves a digit before the point."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"
