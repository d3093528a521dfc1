"""The events that bench `collect` sends: what a shop's site tells, as an SDK would send it."""

from __future__ import annotations

import random

from tsunagu.core.times import iso, wall
from tsunagu.runtime.bench.wrk import NUMBER

BATCH = 500
# Different bodies, so that no cache on the way helps more than it would in life.
BODIES = 8
_NAMES = ("Product Viewed",) * 6 + ("Cart Updated",) * 2 + ("Order Completed", "Product Searched")


def event(chance: random.Random, at: str, customers: int) -> str:
    """One event as JSON; `NUMBER` stands where its message id does."""
    product, customer = chance.randrange(997), chance.randrange(customers)
    return (
        f'{{"type":"track","event":"{chance.choice(_NAMES)}","messageId":"{NUMBER}",'
        f'"userId":"u{customer}","anonymousId":"{chance.getrandbits(128):032x}","timestamp":"{at}",'
        f'"context":{{"library":{{"name":"analytics.js","version":"2.1.0"}},"locale":"ja-JP",'
        f'"page":{{"path":"/p/{product}","url":"https://shop.example/p/{product}"}}}},'
        f'"properties":{{"product_id":"p{product}","price":{chance.randrange(100, 9900)},'
        f'"currency":"JPY","quantity":1,"category":"kitchen"}}}}'
    )


def batches(customers: int) -> list[str]:
    """Bodies for `/v1/batch`, each of `BATCH` events."""
    chance, at = random.Random("collect"), iso(wall())  # noqa: S311 - a load, not a secret
    return [
        '{"batch":[' + ",".join(event(chance, at, customers) for _ in range(BATCH)) + "]}"
        for _ in range(BODIES)
    ]


def singles(customers: int) -> list[str]:
    """Bodies for `/v1/track`."""
    chance, at = random.Random("single"), iso(wall())  # noqa: S311 - a load, not a secret
    return [event(chance, at, customers) for _ in range(BODIES * 8)]
