"""Content: messages as documents, how they are checked and how they are rendered."""

from tsunagu.content.models import Message, Wording
from tsunagu.content.rendering import Rendered, Renderer, RenderFailure, RenderJob
from tsunagu.content.review import Problem, check_message

__all__ = [
    "Message",
    "Problem",
    "RenderFailure",
    "RenderJob",
    "Rendered",
    "Renderer",
    "Wording",
    "check_message",
]
