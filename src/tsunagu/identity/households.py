"""Households (世帯) and companies: a layer above customers, by rules of their own; never a merge.

A rule names what the members of a household have in common (the same normalised address and the
same family name, say). Customers that a rule joins are one household, through others as well. An
address or a number of more customers than a household has is an office or a dormitory and joins
nobody; nor does a building whose name says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tsunagu.core.ids import stable_id

HOUSEHOLD = "household"
HOUSEHOLD_NAME = "households"

Same = Literal["address", "room", "postcode", "family", "phone", "landline"]
TraitNames = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=8)
]


class HouseholdTraits(BaseModel):
    """Which traits say what; of several names the first that a customer has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: TraitNames = ["name", "fullName"]
    family: TraitNames = ["lastName", "last_name", "familyName"]
    address: TraitNames = ["address"]
    postcode: TraitNames = ["postcode", "postalCode", "postal_code", "zip"]
    phone: TraitNames = ["phone", "tel"]
    company: TraitNames = ["company", "companyName"]


class HouseholdRules(BaseModel):
    """What makes a household, and what does not.

    `same` lists rules; each names all that two members have in common. `room` is an address with
    its room, where `address` leaves the room out. `most_members` bounds what one value of a rule
    may join; beyond it the value joins nobody. `not_buildings` are parts of buildings' names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    same: list[Annotated[list[Same], Field(min_length=1, max_length=4)]] = Field(
        default=[["room", "family"], ["landline", "family"]], min_length=1, max_length=8
    )
    most_members: int = Field(default=10, ge=2, le=100)
    most_at_address: int = Field(default=40, ge=2, le=10_000)
    not_buildings: list[Annotated[str, Field(min_length=1, max_length=40)]] = Field(
        default=["寮", "社宅", "病院", "ホテル", "老人ホーム", "学校", "大学", "営業所", "支店"],
        max_length=100,
    )
    not_addresses: list[Annotated[str, Field(min_length=1, max_length=300)]] = Field(
        default_factory=list[str], max_length=1_000
    )
    traits: HouseholdTraits = HouseholdTraits()


@dataclass(frozen=True, slots=True)
class Resident:
    """What of a customer counts: normalised values, empty where unknown."""

    customer: int
    family: str = ""
    room: str = ""
    address: str = ""
    building: str = ""
    postcode: str = ""
    phone: str = ""
    landline: str = ""
    core: str = ""
    form: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A household or a company: its id, its members, and for each the grounds (rule: value)."""

    id: int
    label: str
    detail: str
    grounds: Mapping[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many values joined nobody because too many customers share them, or by the rules."""

    crowded: int = 0
    excluded: int = 0


def households(
    workspace_id: int,
    residents: Sequence[Resident],
    rules: HouseholdRules,
    before: Mapping[int, int],
) -> tuple[list[Group], LeftOut]:
    """The households of at least two customers.

    Args:
        before: customer to household so far; a household keeps its id with most of its members.
    """
    barred, crowded = _barred(residents, rules)
    grounds: dict[int, dict[str, str]] = defaultdict(dict)
    pairs: list[tuple[int, int]] = []
    for same in rules.same:
        held: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for at, resident in enumerate(residents):
            key = tuple(str(getattr(resident, part)) for part in same)
            if all(key) and not (at in barred and {"room", "address"} & set(same)):
                held[key].append(at)
        for key, members in held.items():
            if len(members) > rules.most_members:
                crowded += 1
            elif len(members) > 1:
                pairs += [(members[0], other) for other in members[1:]]
                for at in members:
                    grounds[at]["+".join(same)] = " ".join(key)
    groups = [
        _household(workspace_id, [residents[at] for at in component], component, grounds)
        for component in _components(len(residents), pairs)
    ]
    return _keep_ids(groups, before), LeftOut(crowded, len(barred))


def _barred(residents: Sequence[Resident], rules: HouseholdRules) -> tuple[set[int], int]:
    """The places of residents whose address is none of a household; and crowded addresses."""
    lived = Counter(r.room for r in residents if r.room)
    crowded = {key for key, count in lived.items() if count > rules.most_at_address}
    refused = crowded | set(rules.not_addresses)
    return {
        at
        for at, r in enumerate(residents)
        if r.room in refused or any(word in r.building for word in rules.not_buildings)
    }, len(crowded)


def _components(size: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    if not pairs:
        return []
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ends = np.asarray(pairs, dtype=np.int64)
    graph = coo_matrix((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), (size, size))
    labels = connected_components(graph, directed=False)[1]
    found: dict[int, list[int]] = defaultdict(list)
    for at in np.unique(ends).tolist():
        found[int(labels[at])].append(at)
    return list(found.values())


def _household(
    workspace_id: int,
    members: Sequence[Resident],
    places: Sequence[int],
    grounds: Mapping[int, Mapping[str, str]],
) -> Group:
    first = min(r.customer for r in members)
    family = Counter(r.family for r in members if r.family).most_common(1)
    address = Counter(r.room for r in members if r.room).most_common(1)
    return Group(
        stable_id(workspace_id, "household", first),
        family[0][0] if family else "",
        address[0][0] if address else "",
        {r.customer: grounds[at] for r, at in zip(members, places, strict=True)},
    )


def _keep_ids(groups: Iterable[Group], before: Mapping[int, int]) -> list[Group]:
    """With the ids of before: the largest overlap first; each id for one group."""
    fresh = {group.id: group for group in groups}
    overlaps = [
        (-count, old, group.id)
        for group in fresh.values()
        for old, count in Counter(before[c] for c in group.grounds if c in before).items()
    ]
    kept: dict[int, int] = {}
    taken: set[int] = set()
    for _, old, new in sorted(overlaps):
        if new not in kept and old not in taken:
            kept[new] = old
            taken.add(old)
    found: list[Group] = []
    for new, group in fresh.items():
        chosen = kept.get(new, new)
        while new not in kept and chosen in taken:
            chosen = stable_id("again", chosen)
        taken.add(chosen)
        found.append(Group(chosen, group.label, group.detail, group.grounds))
    return found


def companies(workspace_id: int, residents: Iterable[Resident]) -> list[Group]:
    """The companies that customers say they are of; one without a form is of the only one.

    A company is its core and form, so it keeps its id by itself.
    """
    by_core: dict[str, dict[str, list[Resident]]] = defaultdict(lambda: defaultdict(list))
    for r in residents:
        if r.core:
            by_core[r.core][r.form].append(r)
    found: list[Group] = []
    for core, forms in by_core.items():
        named = [form for form in forms if form]
        if len(named) == 1 and "" in forms:
            forms[named[0]] += forms.pop("")
        for form, members in forms.items():
            grounds = {
                r.customer: {"company": core, "form": r.form, "branch": r.branch} for r in members
            }
            found.append(Group(stable_id(workspace_id, "company", core, form), core, form, grounds))
    return found
