"""The public clients of Segment and RudderStack work unchanged: only their host is set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from collecting import Sent
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

MADE_AT = datetime(2026, 5, 4, 3, 2, 1, 654000, tzinfo=UTC)


def speak(client: Any) -> None:
    """Every call that both clients know, told alike."""
    client.identify("u1", {"email": "hanako@example.com", "name": "花子"}, anonymous_id="a1")
    client.track("u1", "Order Completed", {"total": 1200, "emoji": "🎉"}, timestamp=MADE_AT)
    client.page(anonymous_id="a1", category="Shop", name="Top", properties={"url": "/"})
    client.screen("u1", name="Cart")
    client.group("u1", "g1", {"plan": "gold"})
    client.alias("a1", "u1", message_id="the alias")


@pytest.mark.parametrize("client_class", [SegmentClient, RudderClient])
@pytest.mark.parametrize("gzip", [True, False])
@pytest.mark.parametrize("sync_mode", [True, False])
def test_all_calls_of_a_public_client_arrive(
    collector: str,
    sent: Sent,
    client_class: Callable[..., Any],
    gzip: bool,
    sync_mode: bool,
) -> None:
    failures: list[Any] = []
    client = client_class(
        sent.key,
        host=collector,
        gzip=gzip,
        sync_mode=sync_mode,
        on_error=lambda error, _: failures.append(error),
        max_retries=1,
    )
    speak(client)
    if not sync_mode:
        client.flush()
        client.join()
    assert failures == []
    rows = sent.rows()
    assert [row["type"] for row in rows] == [
        "identify", "track", "page", "screen", "group", "alias",
    ]  # fmt: skip
    identify, track, page, screen, group, alias = rows
    assert identify["body"]["traits"] == {"email": "hanako@example.com", "name": "花子"}
    assert (identify["user_id"], identify["anonymous_id"]) == ("u1", "a1")
    assert track["name"] == "Order Completed"
    assert track["body"]["properties"] == {"total": 1200, "emoji": "🎉"}
    assert timedelta(0) <= track["at"] - MADE_AT < timedelta(seconds=5)
    assert page["body"]["properties"]["url"] == "/"
    assert (page["name"], screen["name"]) == ("Top", "Cart")
    assert (group["body"]["groupId"], group["body"]["traits"]) == ("g1", {"plan": "gold"})
    assert (alias["message_id"], alias["body"]["previousId"]) == ("the alias", "a1")
    assert all(row["body"]["context"]["library"]["name"] == "analytics-python" for row in rows)


@pytest.mark.parametrize("client_class", [SegmentClient, RudderClient])
def test_a_thousand_events_arrive_once_each(
    collector: str, sent: Sent, client_class: Callable[..., Any]
) -> None:
    client = client_class(sent.key, host=collector, upload_interval=0.05)
    for number in range(1000):
        client.track(f"u{number % 7}", "Viewed", {"number": number})
    client.flush()
    client.join()
    assert [row["body"]["properties"]["number"] for row in sent.rows()] == list(range(1000))


@pytest.mark.parametrize("client_class", [SegmentClient, RudderClient])
def test_a_client_with_a_wrong_key_is_told_why(
    collector: str, client_class: Callable[..., Any]
) -> None:
    client = client_class("nobody's key", host=collector, sync_mode=True)
    with pytest.raises(Exception, match=r"unauthorized.*write key is not known.*401"):
        client.track("u1", "Viewed")
