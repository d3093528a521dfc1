"""Tracking plan: what events are announced to carry, and holding them against it."""

from tsunagu.collect.plan.book import Announced, PlanBook, make_book
from tsunagu.collect.plan.check import Checked, check, look
from tsunagu.collect.plan.models import (
    PLAN_KIND,
    PLAN_NAME,
    SCHEMA_KIND,
    EventSchema,
    TrackingPlan,
    Violation,
)
from tsunagu.collect.plan.queries import record
from tsunagu.collect.plan.service import STAGE, store_checked

__all__ = [
    "PLAN_KIND",
    "PLAN_NAME",
    "SCHEMA_KIND",
    "STAGE",
    "Announced",
    "Checked",
    "EventSchema",
    "PlanBook",
    "TrackingPlan",
    "Violation",
    "check",
    "look",
    "make_book",
    "record",
    "store_checked",
]
