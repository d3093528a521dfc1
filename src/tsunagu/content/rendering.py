"""The renderer: many customers' messages at a time, from a process that may be lost.

Each request is answered as soon as it is done. When the worker dies or hangs, the first
request without an answer is tried once more alone in a new worker; if that dies too it is
guilty and only it fails. A template that keeps doing so is no longer tried.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from tsunagu.channels import LinkSigner, SendLinks
from tsunagu.content.models import Wording
from tsunagu.content.process import WorkerLost, WorkerProcess
from tsunagu.content.protocol import (
    Answer,
    Check,
    Checked,
    Done,
    Failed,
    Finding,
    Load,
    Loaded,
    Render,
    Request,
)

MEMORY = 512 * 1024 * 1024
SECONDS = 5.0
_MAX_TEMPLATES = 400
_MAX_STRIKES = 3


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One message for one customer; `traits` are what templates see as `customer`."""

    workspace_id: int
    send_id: int
    message: str
    version: int
    language: str
    wording: Wording
    traits: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rendered:
    """The words of one message, and the two links that stand in it."""

    subject: str
    html: str
    text: str
    unsubscribe_url: str
    web_view_url: str


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """Why a message cannot be written; another attempt would fail the same way."""

    detail: str


@dataclass
class _Template:
    number: int
    wording: Wording
    targets: list[str] = field(default_factory=list[str])
    failure: str | None = None
    strikes: int = 0

    def load(self) -> Load:
        return Load(self.number, self.wording.subject, self.wording.mjml, self.wording.text)


class Renderer:
    """Renders jobs in a worker process; may be shared by threads. Close it after use.

    Args:
        signer: writes the links of each message.
        memory: the worker's address space in bytes.
        seconds: how long one message may take.
    """

    def __init__(
        self, signer: LinkSigner, *, memory: int = MEMORY, seconds: float = SECONDS
    ) -> None:
        self._signer = signer
        self._memory = memory
        self._seconds = seconds
        self._worker: WorkerProcess | None = None
        self._templates: dict[int, _Template] = {}
        self._numbers: dict[tuple[int, str, int, str], int] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker process."""
        with self._lock:
            self._drop_worker()

    def render(self, jobs: Sequence[RenderJob]) -> list[Rendered | RenderFailure]:
        """The jobs' messages, in order; one that fails stops no other."""
        with self._lock:
            self._make_room()
            templates = [self._template(job) for job in jobs]
            links = [
                self._signer.links(job.workspace_id, job.send_id, template.targets)
                for job, template in zip(jobs, templates, strict=True)
            ]
            requests = [
                Render(template.number, job.traits, link.clicks, link.unsubscribe, link.view)
                for job, template, link in zip(jobs, templates, links, strict=True)
            ]
            answers = self._ask(requests)
        return [_result(*each) for each in zip(jobs, links, answers, strict=True)]

    def check(self, request: Check) -> list[Finding]:
        """What is wrong with a wording; see `check_message` for whole messages."""
        with self._lock:
            answer = self._ask([request])[0]
        if isinstance(answer, Checked):
            return answer.findings
        assert isinstance(answer, Failed)
        return [Finding("message", 0, answer.detail, "error")]

    def _template(self, job: RenderJob) -> _Template:
        key = (job.workspace_id, job.message, job.version, job.language)
        known = self._numbers.get(key)
        if known is not None and self._templates[known].wording == job.wording:
            return self._templates[known]
        number = self._numbers[key] = len(self._templates)
        template = self._templates[number] = _Template(number, job.wording)
        answer = self._ask([template.load()])[0]
        if isinstance(answer, Loaded):
            template.targets = answer.targets
        else:
            assert isinstance(answer, Failed)
            template.failure = answer.detail
        return template

    def _make_room(self) -> None:
        if len(self._templates) > _MAX_TEMPLATES:
            self._templates.clear()
            self._numbers.clear()
            self._drop_worker()

    def _ask(self, requests: Sequence[Request]) -> list[Answer]:
        answers: dict[int, Answer] = {}
        pending = deque(range(len(requests)))
        while pending:
            self._refuse_known_failures(requests, pending, answers)
            received, lost = self._stream([requests[i] for i in pending])
            for answer in received:
                self._note_success(requests[pending[0]])
                answers[pending.popleft()] = answer
            if lost is not None:
                guilty = pending.popleft()
                answers[guilty] = self._ask_alone(requests[guilty])
        return [answers[i] for i in range(len(requests))]

    def _ask_alone(self, request: Request) -> Answer:
        """Once more, in a fresh worker: what an earlier request left behind is no reason."""
        received, lost = self._stream([request])
        if lost is None:
            return received[0]
        if isinstance(request, Render):
            template = self._templates[request.template]
            template.strikes += 1
            if template.strikes >= _MAX_STRIKES:
                template.failure = f"{lost} (this happened {template.strikes} times in a row)"
        return Failed(lost)

    def _refuse_known_failures(
        self, requests: Sequence[Request], pending: deque[int], answers: dict[int, Answer]
    ) -> None:
        for i in list(pending):
            request = requests[i]
            if isinstance(request, Render):
                failure = self._templates[request.template].failure
                if failure is not None:
                    answers[i] = Failed(failure)
                    pending.remove(i)

    def _note_success(self, request: Request) -> None:
        if isinstance(request, Render):
            self._templates[request.template].strikes = 0

    def _stream(self, requests: Sequence[Request]) -> tuple[list[Answer], str | None]:
        """The answers until the worker is lost, and why it was."""
        worker = self._worker = self._worker or WorkerProcess(self._memory)
        wanted = {r.template for r in requests if isinstance(r, Render)}
        loads = [self._templates[number].load() for number in sorted(wanted - worker.loaded)]
        answers: list[Answer] = []
        try:
            worker.ask([*loads, *requests], answers, self._seconds)
        except WorkerLost as lost:
            self._drop_worker()
            return answers[len(loads) :], str(lost)
        worker.loaded |= wanted | {r.template for r in requests if isinstance(r, Load)}
        return answers[len(loads) :], None

    def _drop_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None


def _result(job: RenderJob, links: SendLinks, answer: Answer) -> Rendered | RenderFailure:
    if isinstance(answer, Done):
        return Rendered(answer.subject, answer.html, answer.text, links.unsubscribe, links.view)
    assert isinstance(answer, Failed)
    what = f"Message {job.message!r} version {job.version} ({job.language})"
    return RenderFailure(f"{what}: {answer.detail}")
