"""Posting events to a collector as any client would, until they are durable.

A collector, pipeline or database that restarts is waited for: the same events with the same
message ids are sent again, and what had arrived is dropped there as a repeat.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import httpx
import msgspec

from tsunagu.core import Invalid, NewEvent, Retryable
from tsunagu.core.times import iso

BATCH_BYTES = 400_000
PATIENCE = 60.0
_LONGEST_PAUSE = 2.0


class Poster:
    """A client of the Segment-spec API with a write key. A context manager."""

    def __init__(self, collector_url: str, write_key: str) -> None:
        self._client = httpx.Client(
            base_url=collector_url,
            auth=(write_key, ""),
            headers={"content-type": "application/json"},
            timeout=30,
            trust_env=False,
        )

    def __enter__(self) -> Poster:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def post(self, events: Sequence[NewEvent]) -> None:
        """Send events in order; return when all are durable.

        Raises:
            Invalid: the collector refuses them for good.
            Retryable: it could not be reached for a minute.
        """
        for body in _batches(events):
            self._deliver(body)

    def _deliver(self, body: bytes) -> None:
        until = time.monotonic() + PATIENCE
        pause = 0.05
        while True:
            try:
                answer = self._client.post("/v1/batch", content=body)
            except httpx.TransportError as error:
                said = str(error) or type(error).__name__
            else:
                if answer.status_code == 200:
                    return
                said = f"{answer.status_code} {answer.text[:300]}"
                if answer.status_code != 429 and answer.status_code < 500:
                    raise Invalid(f"The collector refuses the events: {said}")
            if time.monotonic() > until:
                raise Retryable(
                    f"The collector did not take events for {PATIENCE:.0f} s ({said}). "
                    "See `tsunagu doctor`, then run the same command again: it goes on here."
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _batches(events: Sequence[NewEvent]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for event in events:
        call = call_of(event)
        if held and size + len(call) > BATCH_BYTES:
            yield _batch(held)
            held, size = [], 0
        held.append(call)
        size += len(call) + 1
    if held:
        yield _batch(held)


def _batch(calls: Sequence[bytes]) -> bytes:
    return b'{"batch":[' + b",".join(calls) + b"]}"


def call_of(event: NewEvent) -> bytes:
    """An event as a call of the Segment spec; its body is spliced in, not written anew."""
    envelope = {
        "type": event.type,
        "messageId": event.message_id,
        "event": event.name or None,
        "userId": event.user_id,
        "anonymousId": event.anonymous_id,
        "timestamp": None if event.at is None else iso(event.at),
    }
    stated = msgspec.json.encode({k: v for k, v in envelope.items() if v is not None})
    inner = event.body.strip()[1:-1]
    return stated[:-1] + (b"," + inner if inner else b"") + b"}"
