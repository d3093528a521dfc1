"""Insights: what can be learned from the log, with its doubt beside it."""

from tsunagu.insights.experiments import Comparison, Outcome, compare, document

__all__ = ["Comparison", "Outcome", "compare", "document"]
