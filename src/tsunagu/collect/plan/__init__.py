"""Tracking plan: what events are announced to carry, and holding them against it."""

from tsunagu.collect.plan.book import Announced, PlanBook, make_book
from tsunagu.collect.plan.check import Checked, check, look
from tsunagu.collect.plan.diff import Change, changes_of, plan_changes
from tsunagu.collect.plan.infer import infer
from tsunagu.collect.plan.models import (
    PLAN_KIND,
    PLAN_NAME,
    SCHEMA_KIND,
    EventSchema,
    TrackingPlan,
    Violation,
    as_document,
)
from tsunagu.collect.plan.queries import record
from tsunagu.collect.plan.service import STAGE, store_checked
from tsunagu.collect.plan.traffic import (
    EventTraffic,
    ViolationCount,
    event_traffic,
    recent_events,
    source_traffic,
    violation_counts,
)

__all__ = [
    "PLAN_KIND",
    "PLAN_NAME",
    "SCHEMA_KIND",
    "STAGE",
    "Announced",
    "Change",
    "Checked",
    "EventSchema",
    "EventTraffic",
    "PlanBook",
    "TrackingPlan",
    "Violation",
    "ViolationCount",
    "as_document",
    "changes_of",
    "check",
    "event_traffic",
    "infer",
    "look",
    "make_book",
    "plan_changes",
    "recent_events",
    "record",
    "source_traffic",
    "store_checked",
    "violation_counts",
]
