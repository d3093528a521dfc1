"""Journeys: documents that customers pass through, one enrolment each."""

from tsunagu.journeys.advance import Book, Decision, Moves, Step
from tsunagu.journeys.listing_queries import (
    JourneyFigures,
    Standing,
    journey_figures,
    standing_in,
)
from tsunagu.journeys.models import HOLDOUT_NODE, End, Enrolment, Journey, Node, Send, Wait
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
    "End",
    "Enrolment",
    "EnrolmentView",
    "Journey",
    "JourneyFigures",
    "JourneyWalk",
    "Moves",
    "Node",
    "NodeCount",
    "OutcomeCount",
    "Send",
    "Standing",
    "Step",
    "StepView",
    "Wait",
    "concerned",
    "enrolments_of",
    "journey_figures",
    "load_enrolments",
    "node_counts",
    "outcome_counts",
    "standing_in",
    "steps_of",
    "store_enrolments",
    "store_steps",
]
