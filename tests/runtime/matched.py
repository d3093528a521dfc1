"""A shop in which many registered twice, and what a model of matching makes of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from shop import START, Shop

from tsunagu import access
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.identity.linking import Model
from tsunagu.identity.matching import MATCH_MODEL, MATCH_MODEL_NAME
from tsunagu.serve import matching
from tsunagu.storage import Database, in_workspace

Make = Callable[..., int]
GIVEN = [
    "anna",
    "boris",
    "clara",
    "dmitri",
    "elena",
    "felix",
    "greta",
    "hugo",
    "irene",
    "jonas",
    "karla",
    "leo",
    "maria",
    "nora",
]
PARTS = [
    "ber",
    "ton",
    "mar",
    "ley",
    "gra",
    "ham",
    "win",
    "ter",
    "sten",
    "ford",
    "hol",
    "den",
    "ros",
    "ner",
    "kel",
    "vin",
]
PEOPLE, TWICE = 300, 60


def _people(seed: int = 7) -> list[dict[str, str]]:
    """People, some of them twice with a slip of the hand."""
    chance = random.Random(seed)
    told: list[dict[str, str]] = []
    for _ in range(PEOPLE):
        told.append(
            {
                "firstName": chance.choice(GIVEN),
                "lastName": "".join(chance.sample(PARTS, 3)),
                "birthday": f"{chance.randint(1940, 2005)}-{chance.randint(1, 12):02}"
                f"-{chance.randint(1, 28):02}",
                "postcode": f"{chance.randint(100, 180)}{chance.randint(0, 99):04}",
            }
        )
    for person in told[:TWICE]:
        slip = dict(person)
        if chance.random() < 0.4:
            slip["lastName"] = slip["lastName"][:3] + slip["lastName"][4:]
        told.append(slip)
    return told


class Matched(Shop):
    """A shop in which many registered twice."""

    def __init__(self, database: Database, workspace: int) -> None:
        super().__init__(database, workspace)
        self.database = database
        self.append(
            *(
                NewEvent(
                    f"p{n}",
                    "identify",
                    "identify",
                    f"u{n}",
                    None,
                    START,
                    "shop",
                    encode_body(Body(traits=traits)),
                    START,
                )
                for n, traits in enumerate(_people())
            )
        )
        self.drain()

    def do(self, work: Callable[[Any], Any]) -> Any:
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return work(cursor)

    def people(self) -> int:
        return self.rows("select count(*) from customers where merged_into is null")[0][0]

    def train(self) -> Model:
        with self.database.connect("pipeline") as connection:
            return matching.train(connection, self.workspace, "Mari").model

    def use(self, model: Model) -> Model:
        """Publish a model of a test's own."""
        document = msgspec.json.decode(model.model_dump_json())
        name = (MATCH_MODEL, MATCH_MODEL_NAME)
        self.do(lambda c: access.publish(c, self.workspace, *name, document, "Mari"))
        return model

    def plan(self) -> matching.Planned:
        with self.database.connect("pipeline") as connection:
            return matching.plan(connection, self.workspace, "Mari", samples=100)

    def apply(self, planned: matching.Planned, chunk: int = matching.CHUNK) -> Mapping[str, int]:
        with self.database.connect("pipeline") as connection:
            number = planned.plan_id
            return matching.apply(connection, self.workspace, number, "Mari", chunk=chunk)
