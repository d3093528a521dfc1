"""Damage to what a source believes: wrong kanji, misheard kana, slipped digits, a kin's phone.

Each function does one kind of damage to a belief, and says whether it could.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import lru_cache
from random import Random

from tsunagu.runtime.bench.identity_japan import rates
from tsunagu.runtime.bench.identity_japan.beliefs import Belief
from tsunagu.runtime.bench.identity_japan.characters import other_variant, plain_form
from tsunagu.runtime.bench.identity_japan.names import (
    Name,
    Names,
    other_kanji,
    other_reading,
    rows,
)

Mistake = Callable[[Belief, Names, Random], bool]

_HEARD = (
    ("づ", "ず"),
    ("ず", "づ"),
    ("ぢ", "じ"),
    ("を", "お"),
    ("おう", "おお"),
    ("おお", "おう"),
    ("えい", "ええ"),
    ("せい", "せえ"),
    ("けい", "けえ"),
    ("れい", "れえ"),
    ("こう", "こお"),
    ("とう", "とお"),
    ("どう", "どお"),
    ("よう", "よお"),
    ("ょう", "ょお"),
    ("ょう", "ょ"),
    ("ゅう", "ゅ"),
    ("ゆう", "ゆ"),
    ("こう", "こー"),
    ("ゆう", "ゆー"),
    ("ざき", "さき"),
    ("さき", "ざき"),
    ("ざわ", "さわ"),
    ("さわ", "ざわ"),
    ("じま", "しま"),
    ("しま", "じま"),
    ("だ", "た"),
    ("ひ", "し"),
)


def make_mistakes(belief: Belief, names: Names, chance: Random) -> None:
    """Do each damage at its rate, where the field is filled, and note it."""
    for damage in rates.BELIEVED:
        rate = damage.rates.get(belief.source, 0.0)
        drawn = rate and damage.field in belief.fields and chance.random() < rate
        if drawn and MISTAKES[damage.name](belief, names, chance):
            belief.damage.append(damage.name)


def _misread(belief: Belief, names: Names, chance: Random) -> bool:
    pools = names.surnames, names.given[belief.person.female]
    for i in chance.sample((0, 1), 2):
        name = belief.surname if i == 0 else belief.given
        plain = Name(plain_form(name.kanji), name.reading)
        if other := other_reading(plain, pools[i], chance):
            kana = list(belief.kana)
            kana[i] = other.kana
            belief.kana = kana[0], kana[1]
            return True
    return False


def _ear(belief: Belief, names: Names, chance: Random) -> bool:
    kana = list(belief.kana)
    can = [(i, a, b) for i in (0, 1) for a, b in _HEARD if a in kana[i]]
    if not can:
        return False
    i, said, heard = chance.choice(can)
    kana[i] = kana[i].replace(said, heard, 1)
    belief.kana = kana[0], kana[1]
    return True


def _other_surname(belief: Belief, names: Names, chance: Random) -> bool:
    plain = Name(plain_form(belief.surname.kanji), belief.surname.reading)
    other = other_kanji(plain, names.surnames, chance)
    belief.surname = other or belief.surname
    return other is not None


def _other_given(belief: Belief, names: Names, chance: Random) -> bool:
    plain = Name(plain_form(belief.given.kanji), belief.given.reading)
    other = other_kanji(plain, names.given[belief.person.female], chance)
    belief.given = other or belief.given
    return other is not None


def _variant_plain(belief: Belief, names: Names, chance: Random) -> bool:
    before = belief.surname.kanji, belief.given.kanji
    belief.surname = replace(belief.surname, kanji=plain_form(before[0]))
    belief.given = replace(belief.given, kanji=plain_form(before[1]))
    return (belief.surname.kanji, belief.given.kanji) != before


def _variant_other(belief: Belief, names: Names, chance: Random) -> bool:
    kanji = other_variant(belief.surname.kanji, chance)
    belief.surname = replace(belief.surname, kanji=kanji or belief.surname.kanji)
    return kanji is not None


def _family_phone(belief: Belief, names: Names, chance: Random) -> bool:
    kin = [m for p in belief.person.family for m in p.mobiles[-1:] if m != belief.phone]
    others = [mobile for mobile in kin if mobile not in belief.person.mobiles]
    belief.phone = chance.choice(others) if others else belief.phone
    return bool(others)


def _family_email(belief: Belief, names: Names, chance: Random) -> bool:
    kin = [m for p in belief.person.family for m in p.emails[-1:]]
    others = [email for email in kin if email not in belief.person.emails]
    belief.email = chance.choice(others) if others else belief.email
    return bool(others)


def other_digit(text: str, place: int, chance: Random) -> str:
    """The text with another digit at a place."""
    digit = chance.choice([d for d in "0123456789" if d != text[place]])
    return text[:place] + digit + text[place + 1 :]


def _phone_digit(belief: Belief, names: Names, chance: Random) -> bool:
    phone, place = belief.phone, chance.randrange(4, len(belief.phone))
    if chance.random() < 0.4 and phone[place - 1] != phone[place]:
        swapped = phone[place] + phone[place - 1]
        belief.phone = phone[: place - 1] + swapped + phone[place + 1 :]
    else:
        belief.phone = other_digit(phone, place, chance)
    return True


def _birth_swapped(belief: Belief, names: Names, chance: Random) -> bool:
    born = belief.born
    if born.day > 12 or born.day == born.month:
        return False
    belief.born = born.replace(month=born.day, day=born.month)
    return True


def _birth_digit(belief: Belief, names: Names, chance: Random) -> bool:
    text, place = f"{belief.born:%Y%m%d}", chance.choice((2, 3, 3, 5, 6, 7, 7))
    for _ in range(40):
        changed = other_digit(text, place, chance)
        try:
            belief.born = date(int(changed[:4]), int(changed[4:6]), int(changed[6:]))
        except ValueError:
            place = chance.choice((3, 7))
            continue
        return True
    return False


def _era_off(belief: Belief, names: Names, chance: Random) -> bool:
    belief.era_year_off = chance.choice((-1, 1))
    return True


def _address_digit(belief: Belief, names: Names, chance: Random) -> bool:
    numbers = list(belief.home.numbers)
    place = chance.randrange(len(numbers))
    text = str(numbers[place])
    numbers[place] = max(1, int(other_digit(text, len(text) - 1, chance)))
    changed = tuple(numbers) != belief.home.numbers
    belief.home = replace(belief.home, numbers=tuple(numbers))
    return changed


def _old_municipality(belief: Belief, names: Names, chance: Random) -> bool:
    before = _before().get((belief.home.town.prefecture, belief.city))
    belief.city = before or belief.city
    return before is not None


@lru_cache(1)
def _before() -> dict[tuple[str, str], str]:
    return {(r["prefecture"], r["city"]): r["before"] for r in rows("old_towns.csv")}


def _oaza(belief: Belief, names: Names, chance: Random) -> bool:
    if not belief.home.town.rural:
        return False
    belief.town_prefix = chance.choice(("大字", "大字", "字"))
    return True


def _postcode_neighbour(belief: Belief, names: Names, chance: Random) -> bool:
    belief.postcode = other_digit(belief.postcode, 6, chance)
    return True


MISTAKES: dict[str, Mistake] = {
    "misread": _misread,
    "ear": _ear,
    "guessed_surname": _other_surname,
    "guessed_given": _other_given,
    "ime_surname": _other_surname,
    "ime_given": _other_given,
    "variant_plain": _variant_plain,
    "variant_other": _variant_other,
    "family_phone": _family_phone,
    "family_email": _family_email,
    "phone_digit": _phone_digit,
    "birth_swapped": _birth_swapped,
    "birth_digit": _birth_digit,
    "era_off": _era_off,
    "address_digit": _address_digit,
    "old_municipality": _old_municipality,
    "oaza": _oaza,
    "postcode_neighbour": _postcode_neighbour,
}
