"""Journeys: documents that customers pass through, one enrolment each."""

from tsunagu.journeys.advance import Book, Decision, Moves, Step
from tsunagu.journeys.models import HOLDOUT_NODE, Enrolment, Journey, Send
from tsunagu.journeys.orchestrate import JourneyWalk, concerned
from tsunagu.journeys.queries import load_enrolments, store_enrolments, store_steps
from tsunagu.journeys.read_queries import (
    EnrolmentView,
    NodeCount,
    OutcomeCount,
    StepView,
    enrolments_of,
    node_counts,
    outcome_counts,
    steps_of,
)

__all__ = [
    "HOLDOUT_NODE",
    "Book",
    "Decision",
    "Enrolment",
    "EnrolmentView",
    "Journey",
    "JourneyWalk",
    "Moves",
    "NodeCount",
    "OutcomeCount",
    "Send",
    "Step",
    "StepView",
    "concerned",
    "enrolments_of",
    "load_enrolments",
    "node_counts",
    "outcome_counts",
    "steps_of",
    "store_enrolments",
    "store_steps",
]
