"""The worker process: reads requests from standard input, answers on standard output.

It may die at any request; the renderer that started it finds the guilty one and goes on.
"""

from __future__ import annotations

import resource
import signal
import sys
from typing import BinaryIO

from tsunagu.content.checks import check_wording
from tsunagu.content.protocol import (
    HEADER_BYTES,
    Answer,
    Checked,
    Failed,
    Load,
    Loaded,
    Render,
    Request,
    frame,
    read_requests,
)
from tsunagu.content.templates import TemplateFault, TemplateStore


def answer(store: TemplateStore, request: Request) -> Answer:
    """The one answer to a request."""
    if isinstance(request, Render):
        return store.render(request)
    if isinstance(request, Load):
        try:
            return Loaded(store.load(request.template, request.subject, request.mjml, request.text))
        except TemplateFault as fault:
            return Failed(str(fault))
    return Checked(check_wording(request))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the other side closes its end."""
    store = TemplateStore()
    while header := source.read(HEADER_BYTES):
        for request in read_requests(source.read(int.from_bytes(header))):
            # each answer leaves at once: what is not answered when we die was the cause
            sink.write(frame(answer(store, request)))
            sink.flush()


def main() -> None:
    """Give up what a template must not have, then serve."""
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Ctrl-C goes to the whole group; the renderer decides when its worker ends
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
