"""Journeys: documents that customers pass through, one enrolment each."""

from tsunagu.journeys.advance import Book, Decision, Moves, Step
from tsunagu.journeys.models import HOLDOUT_NODE, Enrolment, Journey, Send
from tsunagu.journeys.orchestrate import JourneyWalk, concerned
from tsunagu.journeys.queries import load_enrolments, store_enrolments, store_steps

__all__ = [
    "HOLDOUT_NODE",
    "Book",
    "Decision",
    "Enrolment",
    "Journey",
    "JourneyWalk",
    "Moves",
    "Send",
    "Step",
    "concerned",
    "load_enrolments",
    "store_enrolments",
    "store_steps",
]
