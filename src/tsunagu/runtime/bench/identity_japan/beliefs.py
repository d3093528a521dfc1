"""What a source believes of a person at the time it writes a record, before it writes it down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from random import Random

from tsunagu.runtime.bench.identity_japan import rates
from tsunagu.runtime.bench.identity_japan.homes import Home
from tsunagu.runtime.bench.identity_japan.names import Name
from tsunagu.runtime.bench.identity_japan.people import Person, known_at


@dataclass(slots=True)
class Belief:
    """The values of one record. `kana` are hiragana of surname and given name, as heard or read."""

    source: str
    person: Person
    surname: Name
    given: Name
    kana: tuple[str, str]
    home: Home
    city: str
    postcode: str
    phone: str
    born: date
    email: str
    fields: set[str]
    town_prefix: str = ""
    era_year_off: int = 0
    damage: list[str] = field(default_factory=list)


def beliefs(person: Person, chance: Random) -> Iterator[Belief]:
    """One belief for each record that a person has."""
    counts = rates.RECORDS_PER_PERSON
    count = chance.choices(list(counts), weights=list(counts.values()))[0]
    changed = [chance.uniform(0.25, 0.8) for _ in range(3)]
    known: set[str] = set()
    for _ in range(count):
        source = _source(person, chance)
        if source in known and chance.random() > rates.SAME_SOURCE_AGAIN:
            source = _source(person, chance)
        known.add(source)
        when = chance.random() ** rates.SOURCE_ERA[source]
        yield _belief(person, source, when, changed, chance)


def _source(person: Person, chance: Random) -> str:
    old = person.age(rates.YEAR) >= rates.OLD_AGE
    shares = [of_old if old else of_young for of_young, of_old in rates.SOURCE_SHARES.values()]
    return chance.choices(list(rates.SOURCE_SHARES), weights=shares)[0]


def _belief(
    person: Person, source: str, when: float, changed: list[float], chance: Random
) -> Belief:
    moved, new_mobile, new_email = changed
    surname = known_at(person.surnames, when, moved) or person.surnames[-1]
    home = known_at(person.homes, when, moved) or person.homes[-1]
    mobile = known_at(person.mobiles, when, new_mobile) or ""
    email = known_at(person.emails, when, new_email) or ""
    at_home = 0.7 if source in (rates.STORE, rates.HOST) else 0.35
    at_home = 0.0 if source == rates.APP and mobile else at_home
    phone = home.landline if home.landline and chance.random() < at_home else mobile
    belief = Belief(
        source=source,
        person=person,
        surname=surname,
        given=person.given,
        kana=(surname.kana, person.given.kana),
        home=home,
        city=home.town.city,
        postcode=home.town.postcode,
        phone=phone or home.landline,
        born=person.born,
        email=email,
        fields=set(),
    )
    _fill(belief, chance)
    _date(belief, mobile)
    return belief


def _date(belief: Belief, mobile: str) -> None:
    """Note what is out of date in the fields that are filled."""
    person, filled = belief.person, belief.fields
    old = (
        ("old_home", belief.home != person.homes[-1] and "address" in filled),
        ("old_surname", belief.surname != person.surnames[-1]),
        (
            "old_mobile",
            "phone" in filled and belief.phone == mobile != (person.mobiles or [""])[-1],
        ),
        ("old_email", "email" in filled and belief.email != (person.emails or [""])[-1]),
    )
    belief.damage += [name for name, holds in old if holds]


def _fill(belief: Belief, chance: Random) -> None:
    """Choose the fields that are filled; never fewer of the strong ones than the floor."""
    has = {"phone": bool(belief.phone), "email": bool(belief.email)}
    shares = {f: s for f, s in rates.FILLED[belief.source].items() if has.get(f, True)}
    filled = {name for name, share in shares.items() if chance.random() < share}
    # One draw for each missing one, from a list: a set has no order to rely on.
    while len(filled.intersection(rates.STRONG)) < rates.FEWEST_STRONG:
        empty = [name for name in rates.STRONG if shares.get(name, 0) and name not in filled]
        filled.add(chance.choice(empty))
    belief.fields = filled
