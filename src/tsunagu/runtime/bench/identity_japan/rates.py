"""Every rate of the made data in one place: who is in it, what is filled, what goes wrong.

Shares of the population follow the census where there is one (households by kind 2020, names by
how many bear them); what sources fill in and get wrong is a judgement, said in
docs/benchmark-japan.md. The rate of a damage is a share of the records of its sources that have
the field and where it can be done: no variant character can be mistyped where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

SHOP, STORE, CALL, HOST, APP = "shop", "store", "call", "host", "app"

YEAR = 2025
RECORDS_PER_PERSON = {1: 0.45, 2: 0.28, 3: 0.15, 4: 0.08, 5: 0.04}
# How much a source is used by the young and by the old.
SOURCE_SHARES = {
    SHOP: (0.38, 0.22),
    STORE: (0.22, 0.28),
    CALL: (0.10, 0.20),
    HOST: (0.15, 0.27),
    APP: (0.15, 0.03),
}
OLD_AGE = 62
SAME_SOURCE_AGAIN = 0.35
# Records of the old host were written early in a customer's time, those of the app late.
SOURCE_ERA = {SHOP: 0.9, STORE: 1.1, CALL: 0.9, HOST: 1.8, APP: 0.6}

# Share of all households, by kind.
HOUSEHOLDS = {
    "single": 0.38,
    "couple": 0.20,
    "family": 0.25,
    "lone_parent": 0.09,
    "three_generations": 0.06,
    "flatmates": 0.02,
}
CUSTOMER = 0.8  # of the grown members of a household
TWINS = 0.011  # of births
SHARED_KANJI = 0.25  # sons with a character of the father, daughters with one of the mother
VARIANT_GIVEN = 0.3  # of the share that a variant character has in surnames
MOVED = 0.16  # of households, within the time of the records
LEFT_HOME = 0.3  # of singles and flatmates: they lived with their parents before
MARRIED = 0.22  # of couples and families with a wife under 45, within the time of the records
HUSBAND_TAKES_NAME = 0.05  # of those marriages
MOTHERS_PARENTS = 0.25  # of three generations
NEW_MOBILE = 0.08
NEW_EMAIL = 0.25
SHARED_EMAIL = 0.03  # of couples
FLAT_IN_CITY, FLAT_ELSEWHERE = 0.55, 0.2
SAME_BUILDING = 0.3  # of flats: another household of the data lives in the building

# Share of records with the field, where the person has something to put in it.
FILLED = {
    SHOP: {
        "name": 1.0,
        "kana": 0.65,
        "address": 0.88,
        "postcode": 0.85,
        "phone": 0.85,
        "birth_date": 0.5,
        "email": 0.96,
    },
    STORE: {
        "name": 0.6,
        "kana": 1.0,
        "address": 0.75,
        "postcode": 0.6,
        "phone": 0.88,
        "birth_date": 0.8,
        "email": 0.0,
    },
    CALL: {
        "name": 0.6,
        "kana": 1.0,
        "address": 0.7,
        "postcode": 0.35,
        "phone": 0.93,
        "birth_date": 0.5,
        "email": 0.1,
    },
    HOST: {
        "name": 0.3,
        "kana": 1.0,
        "address": 0.92,
        "postcode": 0.85,
        "phone": 0.8,
        "birth_date": 0.95,
        "email": 0.0,
    },
    APP: {
        "name": 1.0,
        "kana": 0.0,
        "address": 0.55,
        "postcode": 0.6,
        "phone": 0.75,
        "birth_date": 0.85,
        "email": 0.98,
    },
}
STRONG = ("address", "phone", "birth_date", "email")
FEWEST_STRONG = 2  # a record always has its name and two of these
NAME_CUT, ADDRESS_CUT = 20, 40  # characters that the old host keeps


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that goes wrong in a field, and how often in the records of which sources."""

    name: str
    field: str
    rates: dict[str, float]


def _same(rate: float, *sources: str) -> dict[str, float]:
    return dict.fromkeys(sources, rate)


# Done to what the writer believes, before it is written down.
BELIEVED = (
    Damage("misread", "kana", {STORE: 0.02, HOST: 0.01}),
    Damage("ear", "kana", {CALL: 0.25}),
    Damage("guessed_surname", "name", {CALL: 0.2}),
    Damage("guessed_given", "name", {CALL: 0.4}),
    Damage("ime_surname", "name", {SHOP: 0.01, STORE: 0.02}),
    Damage("ime_given", "name", {SHOP: 0.02, STORE: 0.05}),
    Damage("variant_plain", "name", {SHOP: 0.5, STORE: 0.6, CALL: 0.9}),
    Damage("variant_other", "name", {SHOP: 0.04, STORE: 0.12, CALL: 0.15}),
    Damage("family_phone", "phone", _same(0.02, SHOP, STORE, CALL, HOST, APP)),
    Damage("family_email", "email", _same(0.015, SHOP, CALL, APP)),
    Damage("phone_digit", "phone", {SHOP: 0.01, STORE: 0.03, CALL: 0.01, HOST: 0.01, APP: 0.01}),
    Damage("birth_swapped", "birth_date", {SHOP: 0.006, CALL: 0.006, APP: 0.015}),
    Damage(
        "birth_digit",
        "birth_date",
        {SHOP: 0.01, STORE: 0.025, CALL: 0.02, HOST: 0.01, APP: 0.01},
    ),
    Damage("era_off", "birth_date", {STORE: 0.025, CALL: 0.015, HOST: 0.01}),
    Damage("address_digit", "address", {SHOP: 0.008, STORE: 0.025, CALL: 0.02, HOST: 0.01}),
    Damage("old_municipality", "address", {SHOP: 0.03, STORE: 0.1, CALL: 0.05, HOST: 0.3}),
    Damage("oaza", "address", {SHOP: 0.03, STORE: 0.08, HOST: 0.15}),
    Damage("postcode_neighbour", "postcode", {SHOP: 0.01, STORE: 0.03, CALL: 0.04, HOST: 0.02}),
)
# Done to the text that stands in the record.
WRITTEN = (
    Damage("ocr_kana", "kana", {STORE: 0.04, HOST: 0.015}),
    Damage("ocr_name", "name", {STORE: 0.02}),
    Damage("ocr_address", "address", {STORE: 0.04, HOST: 0.015}),
    Damage("ocr_phone", "phone", {STORE: 0.01}),
    Damage("typo_kana", "kana", {SHOP: 0.02, STORE: 0.02, CALL: 0.03, HOST: 0.01}),
    Damage("typo_romaji", "name", {APP: 0.04}),
    Damage("typo_address", "address", {SHOP: 0.015, STORE: 0.02, CALL: 0.03, APP: 0.02}),
    Damage("typo_email", "email", {SHOP: 0.015, CALL: 0.1, APP: 0.01}),
    Damage("swapped_order", "name", {SHOP: 0.01, STORE: 0.005, CALL: 0.005}),
    Damage("swapped_columns", "name", {SHOP: 0.006, STORE: 0.004}),
    Damage("phone_no_zero", "phone", {SHOP: 0.02, HOST: 0.03, APP: 0.02}),
    Damage("phone_81", "phone", {SHOP: 0.01, APP: 0.2}),
    Damage("placeholder_address", "address", {SHOP: 0.004, STORE: 0.015, CALL: 0.015}),
    Damage("placeholder_phone", "phone", {SHOP: 0.01, STORE: 0.015, HOST: 0.015}),
    Damage("placeholder_birth", "birth_date", {SHOP: 0.01, STORE: 0.01, HOST: 0.01}),
    Damage("placeholder_email", "email", {SHOP: 0.004, CALL: 0.02}),
)
# Not damage, but named in `truth` all the same: what is out of date, and what the host cut off.
OUT_OF_DATE = ("old_home", "old_surname", "old_mobile", "old_email")
CUT = ("cut_name", "cut_address")
