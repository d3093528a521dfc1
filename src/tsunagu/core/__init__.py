"""Events, identifiers, time, rules and errors: the vocabulary of every room, without I/O."""

from tsunagu.core.errors import Denied, Invalid, NotFound, Retryable, TsunaguError
from tsunagu.core.events import Body, Event, Json, NewEvent, decode_body, encode_body
from tsunagu.core.figures import Figures
from tsunagu.core.ids import chance, stable_id, stable_key

__all__ = [
    "Body",
    "Denied",
    "Event",
    "Figures",
    "Invalid",
    "Json",
    "NewEvent",
    "NotFound",
    "Retryable",
    "TsunaguError",
    "chance",
    "decode_body",
    "encode_body",
    "stable_id",
    "stable_key",
]
