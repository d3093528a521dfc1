"""Which column plays which role: who, when, what happened, what tells rows apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tsunagu.collect.files import JSON, runs
from tsunagu.collect.files.arrow import Table
from tsunagu.collect.mapping.names import plain, rank
from tsunagu.collect.mapping.profiling import Profile

_FEW = 40
_UNKNOWN = 0.01


@dataclass(frozen=True)
class Drawing:
    """A field of the mapping as a document, and why."""

    document: Any
    reason: str


@dataclass
class Roles:
    """The roles found; `shared` holds the mapping's own fields in order."""

    shared: dict[str, Drawing] = field(default_factory=dict[str, Drawing])
    used: set[str] = field(default_factory=set[str])
    user: str | None = None
    event: Profile | None = None
    is_people_list: bool = False
    gather: tuple[dict[str, Any], dict[str, Profile]] | None = None


def roles_of(found: list[Profile], sample: Table) -> Roles:
    """The roles of the columns of a sample."""
    roles = Roles()
    at = _best(found, "at", _is_moment)
    user = _best(found, "user_id", _is_key)
    email = _best(found, "email", lambda p: p.mostly(p.counts["emails"]))
    phone = _best(found, "phone", lambda p: p.mostly(p.counts["phones"]))
    whole = _best([p for p in found if p is not user], "whole", _is_key)
    own = [p for p in found if p.is_unique and p not in (at, user)]
    row_id = _best(own, "row_id", _is_key) or _best(own, "whole", _is_key)
    if user is None and at is None and row_id is not None:
        user, row_id = row_id, None  # a list without times is a list of people
    if at is not None:
        _at(roles, at, found)
    if row_id is not None:
        reason = f"{row_id.name} is another in every row"
        roles.shared["message_id"] = Drawing([row_id.name], reason)
    if user is not None:
        _user(roles, user)
    _identifiers(roles, email, phone)
    lone = user is not None and user.is_unique and row_id is None and whole is None
    roles.is_people_list = lone or (user is None and email is not None and email.is_unique)
    if roles.is_people_list:
        roles.shared.pop("message_id", None)
        return roles
    if whole is not None and whole is not row_id:
        roles.gather = _gather(whole, found, roles, sample)
    _stand_in(roles, user, email or phone, row_id or whole)
    if roles.gather is None:
        rest = [p for p in found if p.name not in roles.used]
        roles.event = _best(rest, "event", lambda p: 1 < p.distinct <= _FEW and p.filled == p.rows)
        roles.used |= {roles.event.name} if roles.event else set()
    return roles


def typed(profile: Profile) -> Any:
    """A column as a cell, with the type that its values have."""
    if not profile.is_text:
        return profile.name
    kind = None
    if profile.counts["zeros_led"]:
        kind = None  # a code: 0012 is not 12
    elif profile.integers == profile.filled:
        kind = "integer"
    elif profile.numbers == profile.filled:
        kind = "number"
    elif profile.moments == profile.filled:
        kind = "time" if any(":" in text or "時" in text for text in profile.examples) else "date"
    return profile.name if kind is None else {"column": profile.name, "type": kind}


def _best(found: list[Profile], role: str, fits: Callable[[Profile], bool]) -> Profile | None:
    """The column whose name tells the role best among those whose values fit."""
    ranked = [
        (told, at, profile)
        for at, profile in enumerate(found)
        if (told := rank(profile.name.rpartition(".")[2], role)) is not None and fits(profile)
    ]
    return min(ranked, key=lambda one: one[:2])[2] if ranked else None


def _is_moment(profile: Profile) -> bool:
    counts = profile.counts
    return profile.is_time or any(
        profile.mostly(count)
        for count in (profile.moments, counts["short_days"], counts["sea_days"])
    )


def _is_key(profile: Profile) -> bool:
    if profile.mostly(profile.moments) and not profile.mostly(profile.integers):
        return False
    return profile.filled > 0 and profile.distinct > 1


def _at(roles: Roles, at: Profile, found: list[Profile]) -> None:
    cell: dict[str, Any] = {"column": at.name}
    reasons = [f"{at.name} holds times ({at.examples[0]})" if at.examples else at.name]
    form = _format(at)
    if form is not None:
        cell["format"], reason = form
        reasons.append(reason)
    clock = None
    if not at.is_time and not any(":" in text or "時" in text for text in at.examples):
        others = [p for p in found if p is not at and p.mostly(p.counts["clocks"])]
        clock = _best(others, "clock", lambda _: True) or (others[0] if others else None)
    if clock is not None:
        del cell["column"]
        cell = {"columns": [at.name, clock.name], **cell}
        reasons.append(f"with the clock of {clock.name}")
        if "format" in cell:
            long = any(text.count(":") == 2 for text in clock.examples)
            cell["format"] += " %H:%M:%S" if long else " %H:%M"
    roles.used |= {at.name, *([clock.name] if clock else [])}
    roles.shared["at"] = Drawing(cell, ", ".join(reasons))


def _format(at: Profile) -> tuple[str, str] | None:
    """The format of times that are not understood without one."""
    if at.is_time or at.mostly(at.moments):
        return None
    if at.mostly(at.counts["short_days"]):
        return "%y%m%d", "six digits read as year, month, day"
    day_first = at.counts["days_first"] > 0
    clear = day_first or at.counts["months_first"] > 0
    form = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    clock = next((text.partition(" ")[2] for text in at.examples if " " in text), "")
    form += " %H:%M:%S" if clock.count(":") == 2 else " %H:%M" if clock else ""
    if clear:
        return form, "a number above 12 tells the day from the month"
    return form, "day and month could be the other way round: check"


def _user(roles: Roles, user: Profile) -> None:
    roles.user = user.name
    roles.used.add(user.name)
    reason = f"{user.name} names people: {user.distinct} of them in {user.filled} rows"
    cell: Any = user.name
    if user.zeros > _UNKNOWN * user.rows and user.zeros > 1:
        cell = {"column": user.name, "blank": ["0"]}
        reason += f"; 0 stands {user.zeros} times and means nobody"
    roles.shared["user_id"] = Drawing(cell, reason)


def _identifiers(roles: Roles, email: Profile | None, phone: Profile | None) -> None:
    told = {kind: p for kind, p in (("email", email), ("phone", phone)) if p is not None}
    if told:
        cells = {kind: profile.name for kind, profile in told.items()}
        listed = " and ".join(f"{p.name} holds {kind} values" for kind, p in told.items())
        roles.shared["identifiers"] = Drawing(cells, listed)
        roles.used |= set(cells.values())


def _stand_in(
    roles: Roles, user: Profile | None, other: Profile | None, whole: Profile | None
) -> None:
    """Somebody for the rows that name nobody, so that no row is lost."""
    if other is not None and other.filled == other.rows:
        return
    missing = 0 if user is None else user.rows - user.filled + user.zeros
    if user is not None and not missing:
        return
    how_many = "no column names people" if user is None else f"{missing} rows name nobody"
    if whole is not None:
        cell = {"column": whole.name, "prefix": f"{plain(whole.name)}:"}
        roles.shared["stand_in"] = Drawing(cell, f"{how_many}: {whole.name} stands in")
    elif user is None:
        roles.shared["stand_in"] = Drawing({"value": "unknown"}, f"{how_many}; name one")


def _gather(
    whole: Profile, found: list[Profile], roles: Roles, sample: Table
) -> tuple[dict[str, Any], dict[str, Profile]] | None:
    """Rows that are one event together: like keys in a row, and some columns that differ."""
    if JSON in sample.column_names or whole.distinct >= 0.9 * whole.filled:
        return None
    numbers = runs(sample, [whole.name])
    if len(numbers) and numbers[-1] + 1 > 1.02 * whole.distinct + 1:
        return None
    within: dict[str, Profile] = {}
    for profile in found:
        if profile is whole or not profile.filled:
            continue
        finer = runs(sample, [whole.name, profile.name])
        if int(finer[-1]) > 1.02 * int(numbers[-1]):
            within[profile.name] = profile
    if not within or roles.used & set(within):
        return None
    roles.used |= {whole.name}
    told: dict[str, Any] = {"by": [whole.name], "into": "products"}
    totals = _totals(within)
    if totals:
        told["totals"] = {"revenue": totals}
    return told, within


def _totals(within: dict[str, Profile]) -> list[str]:
    """Quantity and price, or an amount."""
    numeric = [name for name, p in within.items() if p.filled and p.mostly(p.numbers)]
    count = next((n for n in numeric if plain(n) in ("quantity", "qty", "数量", "個数")), None)
    price = next(
        (n for n in numeric if plain(n) in ("unitprice", "price", "単価", "販売単価")), None
    )
    amount = next((n for n in numeric if plain(n) in ("amount", "linetotal", "金額")), None)
    if amount is not None:
        return [amount]
    return [count, price] if count is not None and price is not None else []
