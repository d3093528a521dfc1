"""The client kit: send events, read profiles and publish definitions from other programs.

It stands alone: it needs `httpx` and `msgspec` and nothing else of the platform.
"""

from tsunagu.client.api import Api, AsyncApi
from tsunagu.client.collect import Collector
from tsunagu.client.collect_async import AsyncCollector
from tsunagu.client.errors import ClientError, NotTaken, QueueFull, Refused, Unreachable
from tsunagu.client.models import Definition, Journey, Profile

__all__ = [
    "Api",
    "AsyncApi",
    "AsyncCollector",
    "ClientError",
    "Collector",
    "Definition",
    "Journey",
    "NotTaken",
    "Profile",
    "QueueFull",
    "Refused",
    "Unreachable",
]
