"""Journeys: documents that customers pass through, one enrolment each."""

from tsunagu.journeys.advance import Book, Decision, Moves, Step
from tsunagu.journeys.models import HOLDOUT_NODE, Enrolment, Journey
from tsunagu.journeys.orchestrate import JourneyWalk, concerned

__all__ = [
    "HOLDOUT_NODE",
    "Book",
    "Decision",
    "Enrolment",
    "Journey",
    "JourneyWalk",
    "Moves",
    "Step",
    "concerned",
]
