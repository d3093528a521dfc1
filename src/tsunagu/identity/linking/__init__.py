"""Linking: who is one person, by how alike records are (Fellegi and Sunter), without labels."""

from tsunagu.identity.linking.answers import shift_of
from tsunagu.identity.linking.live import Judge, Judged, keys_of
from tsunagu.identity.linking.model import Column, Comparison, Key, Level, Model, Report
from tsunagu.identity.linking.scoring import Reason, probability
from tsunagu.identity.linking.service import Links, Tell, link, train

__all__ = [
    "Column",
    "Comparison",
    "Judge",
    "Judged",
    "Key",
    "Level",
    "Links",
    "Model",
    "Reason",
    "Report",
    "Tell",
    "keys_of",
    "link",
    "probability",
    "shift_of",
    "train",
]
