"""Households of made people: who lives together, what they share, and what changed.

Everybody belongs to the household they live in now. Who married or left home was, before that, at
a home with parents, often of a household that is in the data too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from tsunagu.runtime.bench.identity_japan import rates
from tsunagu.runtime.bench.identity_japan.characters import register_form
from tsunagu.runtime.bench.identity_japan.homes import Home, Homes, mobile
from tsunagu.runtime.bench.identity_japan.names import Name, Names
from tsunagu.runtime.bench.identity_japan.people import Person, address

_GROWN = 16
_REMEMBERED = 400  # households of which somebody may have left


class Households:
    """Makes one household after the other."""

    def __init__(self, names: Names, homes: Homes, chance: Random) -> None:
        self._names = names
        self._homes = homes
        self._chance = chance
        self._parents: list[Person] = []
        self._made = -1

    def draw(self) -> list[Person]:
        """The customers of one household, at least one."""
        self._made += 1
        kind = self._chance.choices(
            list(rates.HOUSEHOLDS), weights=list(rates.HOUSEHOLDS.values())
        )[0]
        makers = {
            "single": self._single,
            "couple": self._couple,
            "family": self._family,
            "lone_parent": self._lone_parent,
            "three_generations": self._three_generations,
            "flatmates": self._flatmates,
        }
        members = [person for person in makers[kind]() if person.age(rates.YEAR) >= _GROWN]
        self._reached(members)
        for person in members:
            person.family = members
        self._remember(members)
        customers = [p for p in members if self._chance.random() < rates.CUSTOMER]
        return customers or members[:1]

    def _single(self) -> list[Person]:
        age = self._age(((18, 30, 30), (31, 50, 28), (51, 65, 18), (66, 92, 24)))
        home = self._homes.draw(line=_line(age))
        return [self._leaver(self._chance.random() < 0.5, age, home)]

    def _flatmates(self) -> list[Person]:
        home = replace(self._homes.draw(line=0.0), landline="")
        female = self._chance.random() < 0.5
        count = self._chance.choice((2, 2, 2, 3))
        return [self._leaver(female, self._chance.randint(19, 34), home) for _ in range(count)]

    def _leaver(self, female: bool, age: int, home: Home) -> Person:
        """Somebody alone, who perhaps lived with parents before."""
        if age < 40 and self._parents and self._chance.random() < rates.LEFT_HOME:
            parent = self._chance.choice(self._parents)
            person = self._person(female, age, parent.surnames[-1], home)
            person.homes = [parent.homes[-1], home]
            return person
        person = self._person(female, age, self._surname(), home)
        self._moved([person])
        return person

    def _couple(self) -> list[Person]:
        age = self._age(((25, 40, 25), (41, 60, 25), (61, 90, 50)))
        return self._pair(age, self._homes.draw(line=_line(age)), self._surname())

    def _family(self) -> list[Person]:
        age = self._age(((33, 45, 40), (46, 56, 45), (57, 66, 15)))
        pair = self._pair(age, self._homes.draw(line=_line(age)), self._surname())
        return pair + self._children(pair)

    def _lone_parent(self) -> list[Person]:
        age = self._age(((34, 45, 40), (46, 60, 60)))
        home = self._homes.draw(line=_line(age))
        parent = self._person(self._chance.random() < 0.87, age, self._surname(), home)
        members = [parent, *self._children([parent])]
        self._moved(members)
        return members

    def _three_generations(self) -> list[Person]:
        age = self._chance.randint(36, 56)
        home = self._homes.draw(line=0.9)
        pair = self._pair(age, home, self._surname(), moves=False)
        older = self._chance.randint(24, 34)
        maternal = self._chance.random() < rates.MOTHERS_PARENTS
        surname = self._surname() if maternal else pair[0].surnames[-1]
        grandfather = self._person(False, age + older + 2, surname, home)
        grandmother = self._person(True, age + older, surname, home)
        old = [grandfather, grandmother] if self._chance.random() < 0.5 else [grandmother]
        return old + pair + self._children(pair)

    def _pair(self, age: int, home: Home, surname: Name, *, moves: bool = True) -> list[Person]:
        husband = self._person(False, age, surname, home)
        wife = self._person(True, max(19, age + round(self._chance.gauss(-1.5, 3))), surname, home)
        if wife.age(rates.YEAR) < 45 and self._chance.random() < rates.MARRIED:
            self._married(husband, wife, home)
        elif moves:
            self._moved([husband, wife])
        return [husband, wife]

    def _married(self, husband: Person, wife: Person, home: Home) -> None:
        takes = husband if self._chance.random() < rates.HUSBAND_TAKES_NAME else wife
        if self._parents and self._chance.random() < 0.6:
            parent = self._chance.choice(self._parents)
            maiden, before = parent.surnames[-1], parent.homes[-1]
        else:
            maiden, before = self._surname(), self._homes.draw(line=0.4, near=home)
        takes.surnames, takes.homes = [maiden, takes.surnames[-1]], [before, home]

    def _moved(self, members: list[Person]) -> None:
        """The whole household comes from elsewhere, at the rate of moves."""
        if self._chance.random() < rates.MOVED:
            line = 0.8 if members[0].homes[-1].landline else 0.2
            before = self._homes.draw(line=line, near=members[0].homes[-1])
            for person in members:
                person.homes = [before, person.homes[-1]]

    def _children(self, parents: list[Person]) -> list[Person]:
        youngest_parent = min(parent.age(rates.YEAR) for parent in parents)
        children: list[Person] = []
        for _ in range(self._chance.choices((1, 2, 3), (35, 48, 17))[0]):
            age = youngest_parent - self._chance.randint(23, 36)
            if any(abs(child.age(rates.YEAR) - age) < 1 for child in children):
                continue
            if self._chance.random() < 0.12 or 0 <= age <= 30:
                children += self._born(parents, age)
        return [child for child in children if child.age(rates.YEAR) >= _GROWN]

    def _born(self, parents: list[Person], age: int) -> list[Person]:
        female = self._chance.random() < 0.49
        child = self._person(female, age, parents[0].surnames[-1], parents[0].homes[-1])
        child.homes = list(parents[0].homes) if len(parents[0].surnames) == 1 else child.homes
        if self._chance.random() < rates.SHARED_KANJI:
            kin = next((p for p in parents if p.female == female), parents[0])
            liked = self._names.liked(female=female, born=child.born.year)
            child.given = self._names.shared(kin.given, liked, self._chance) or child.given
        if self._chance.random() >= rates.TWINS:
            return [child]
        other = female if self._chance.random() < 0.7 else not female
        twin = replace(child, female=other, homes=list(child.homes))
        liked = self._names.liked(female=other, born=child.born.year)
        twin.given = self._names.twin(child.given, liked, self._chance) or liked.draw(self._chance)
        return [child, twin]

    def _person(self, female: bool, age: int, surname: Name, home: Home) -> Person:
        born = date(rates.YEAR - age, 1, 1) + timedelta(days=self._chance.randrange(365))
        given = self._names.liked(female=female, born=born.year).draw(self._chance)
        kanji = register_form(given.kanji, self._chance, rates.VARIANT_GIVEN)
        return Person(self._made, female, born, Name(kanji, given.reading), [surname], [home])

    def _surname(self) -> Name:
        drawn = self._names.surnames.draw(self._chance)
        return Name(register_form(drawn.kanji, self._chance), drawn.reading)

    def _reached(self, members: list[Person]) -> None:
        """Telephones and e-mail of each."""
        chance = self._chance
        for person in members:
            age = person.age(rates.YEAR)
            if chance.random() < (0.97 if age < 75 else 0.75):
                person.mobiles = [mobile(chance)]
                if chance.random() < rates.NEW_MOBILE:
                    person.mobiles.append(mobile(chance))
            if chance.random() < (0.95 if age < 70 else 0.45):
                person.emails = [address(person, chance, young=age < 45)]
                if chance.random() < rates.NEW_EMAIL:
                    before = address(person, chance, young=False, replaced=True)
                    person.emails.insert(0, before)
        if len(members) > 1 and chance.random() < rates.SHARED_EMAIL:
            members[1].emails = members[0].emails or members[1].emails

    def _remember(self, members: list[Person]) -> None:
        if 45 <= members[0].age(rates.YEAR) <= 75 and len(members) > 1:
            self._parents.append(members[0])
            del self._parents[:-_REMEMBERED]

    def _age(self, spans: tuple[tuple[int, int, int], ...]) -> int:
        first, last, _ = self._chance.choices(spans, weights=[share for *_, share in spans])[0]
        return self._chance.randint(first, last)


def _line(age: int) -> float:
    """The chance of a telephone line at home, by the age of who runs it."""
    return 0.1 if age < 35 else 0.45 if age < 50 else 0.75 if age < 65 else 0.92


def population(names: Names, homes: Homes, chance: Random, people: int) -> list[Person]:
    """So many people in their households, numbered from 0."""
    return list(_numbered(Households(names, homes, chance), people))


def _numbered(households: Households, people: int) -> Iterator[Person]:
    number = 0
    while number < people:
        for person in households.draw()[: people - number]:
            person.number = number
            number += 1
            yield person
