"""The process in which one run happens: with limits, and gone when its parent is.

`python -m tsunagu.collect.sources.child` reads one line of JSON from standard input: an errand
(run a source) or a look (try a document and show what it would bring). Nothing secret stands in
its arguments. It answers one line of JSON after each page, and a last one with the end. Its
standard input stays open as long as the parent lives.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import msgspec

from tsunagu.collect.sources.orders import Order, Progress
from tsunagu.collect.sources.run_queries import Counts
from tsunagu.core import Json, TsunaguError

# Anonymous memory of the process; Arrow and DuckDB reserve more addresses than they use.
MEMORY_BYTES = 2 << 30
NICENESS = 5
CLOSED = 3


def main() -> int:
    """Do what standard input says."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    os.nice(NICENESS)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_watch_parent, daemon=True).start()
    try:
        _say(_run(order, stop) if order.document is None else _look(order.document, order))
    except TsunaguError as error:
        _say(Progress(outcome="refused", error=str(error)))
    return 0


def _run(order: Order, stop: threading.Event) -> Progress:
    from tsunagu.collect.sources.running import Errand, run_source
    from tsunagu.collect.sources.vault import Vault
    from tsunagu.storage import Database

    errand = Errand(order.workspace_id, order.name, order.cause, order.forbidden)
    vault = Vault(Path(order.home))
    ended = run_source(Database(order.url), vault, errand, stop, lambda c: _say(_counted(c)))
    progress = _counted(ended.counts)
    progress.outcome, progress.error = ended.outcome, ended.error or ""
    return progress


def _look(document: Json, order: Order) -> Progress:
    from tsunagu.collect.sources.trial import look

    seen = look(document, order.name, order.secrets, order.forbidden)
    return Progress(outcome="done", look=seen)


def _counted(counts: Counts) -> Progress:
    return Progress(
        rows=counts.rows, events=counts.events, known=counts.known, refused=counts.refused
    )


def _say(progress: Progress) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(progress) + b"\n")
    sys.stdout.buffer.flush()


def _watch_parent() -> None:
    # not through sys.stdin: its lock, held here, would abort the interpreter's end
    while os.read(0, 4096):
        pass
    os._exit(CLOSED)


if __name__ == "__main__":
    sys.exit(main())
