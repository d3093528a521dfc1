"""Insights: what can be learned from the log, with its doubt beside it."""

from tsunagu.insights.experiments import Comparison, Outcome, compare, document, outcomes_of
from tsunagu.insights.propensity import SCORE, Answer, Question, Verdict, answer, verdict
from tsunagu.insights.propensity_report import document as propensity_document
from tsunagu.insights.queries import store_report, store_scores

__all__ = [
    "SCORE",
    "Answer",
    "Comparison",
    "Outcome",
    "Question",
    "Verdict",
    "answer",
    "compare",
    "document",
    "outcomes_of",
    "propensity_document",
    "store_report",
    "store_scores",
    "verdict",
]
