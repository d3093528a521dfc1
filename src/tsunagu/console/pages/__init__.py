"""The pages of the console, in the order of the rail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tsunagu.console.pages import (
    archive,
    audiences,
    customer,
    customers,
    dead_letters,
    decisions,
    evidence,
    held_back,
    insights,
    journeys,
    live,
    matching,
    merge,
    messages,
    overview,
    part,
    plan,
    plan_edit,
    quality,
    reviews,
    settings,
    sources,
    sql,
)
from tsunagu.console.visit import Visit


@dataclass(frozen=True)
class PageEntry:
    """One page: its path below the workspace, the room it belongs to, what builds it."""

    path: str
    room: str
    build: Callable[[Visit], Awaitable[None]]


PAGES = (
    PageEntry("", "", overview.build),
    PageEntry("customers", "customers", customers.build),
    PageEntry("customers/{customer_id:int}", "customers", customer.build),
    PageEntry("customers/{customer_id:int}/evidence", "customers", evidence.build),
    PageEntry("customers/{customer_id:int}/decisions", "customers", decisions.build),
    PageEntry("customers/{customer_id:int}/merge", "customers", merge.build),
    PageEntry("customers/{customer_id:int}/part", "customers", part.build),
    PageEntry("customers/held-back", "customers", held_back.build),
    PageEntry("customers/reviews", "customers", reviews.build),
    PageEntry("customers/matching", "customers", matching.build),
    PageEntry("audiences", "audiences", audiences.build),
    PageEntry("audiences/{name}", "audiences", audiences.build_one),
    PageEntry("journeys", "journeys", journeys.build),
    PageEntry("journeys/{name}", "journeys", journeys.build_one),
    PageEntry("content", "content", messages.build),
    PageEntry("content/messages", "content", messages.build),
    PageEntry("content/messages/{name}", "content", messages.build_one),
    PageEntry("content/archive", "content", archive.build),
    PageEntry("content/archive/{send_id:int}", "content", archive.build),
    PageEntry("content/mailbox", "content", archive.build_mailbox),
    PageEntry("content/mailbox/{mail_id:int}", "content", archive.build_mailbox),
    PageEntry("insights", "insights", insights.build),
    PageEntry("data", "data", live.build),
    PageEntry("data/sources", "data", sources.build),
    PageEntry("data/sources/{name}", "data", sources.build),
    PageEntry("data/quality", "data", quality.build),
    PageEntry("data/live", "data", live.build),
    PageEntry("data/live/{position:int}", "data", live.build),
    PageEntry("data/plan", "data", plan.build),
    PageEntry("data/plan/new", "data", plan_edit.build_new),
    PageEntry("data/plan/{name}", "data", plan.build_one),
    PageEntry("data/plan/{name}/edit", "data", plan_edit.build_edit),
    PageEntry("data/dead-letters", "data", dead_letters.build),
    PageEntry("data/dead-letters/{letter_id:int}", "data", dead_letters.build),
    PageEntry("data/sql", "data", sql.build),
    PageEntry("settings", "settings", settings.build),
)

# Where a page of an earlier release is now; what stands below it moved along.
MOVED = {"dead-letters": "data/dead-letters"}
