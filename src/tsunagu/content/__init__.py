"""Content: messages as documents and how they are rendered."""

from tsunagu.content.models import Message, Wording

__all__ = ["Message", "Wording"]
