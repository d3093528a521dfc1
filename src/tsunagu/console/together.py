"""With whom a customer lives, and of which companies it is: groups above customers, no merges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tsunagu.console.identity_queries import Called, called
from tsunagu.console.markup import Html, div, el, link, span
from tsunagu.console.pages.customers import customer_name
from tsunagu.console.phrases import Phrase
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.console.words import together
from tsunagu.identity.household_queries import CompanyGroup, Household, companies_of, household_of


@dataclass(frozen=True)
class Together:
    """A customer's household with what its members are called, and the customer's companies."""

    household: Household | None
    members: Mapping[int, Called]
    companies: list[CompanyGroup]


def together_of(cursor: Cursor, workspace_id: int, customer: int) -> Together:
    """The groups of a customer as `tsunagu identity households` last computed them."""
    home = household_of(cursor, workspace_id, customer)
    members = called(cursor, workspace_id, home.members if home else ())
    return Together(home, members, companies_of(cursor, workspace_id, customer))


def draw_together(visit: Visit, found: Together, customer: int) -> list[Html]:
    """A card for the household and one for the companies; none for what is not there."""
    cards: list[Html] = []
    home = found.household
    if home is not None:
        where = together.family if home.family else together.home_only
        told = visit.say(where, family=home.family, address=home.address)
        rows = [
            _member(visit, one, grounds, found.members, here=one == customer)
            for one, grounds in home.members.items()
        ]
        cards.append(_card(visit, together.household, el("p", told, cls="muted small"), *rows))
    if found.companies:
        rows = [_company(visit, one) for one in found.companies]
        cards.append(_card(visit, together.companies, *rows))
    return cards


def _card(visit: Visit, title: Phrase, *rows: Html) -> Html:
    doubt = el("p", visit.say(together.layer), cls="doubt")
    return div("card", div("head", el("h2", visit.say(title))), *rows, doubt)


def _member(
    visit: Visit,
    member: int,
    grounds: Mapping[str, str],
    members: Mapping[int, Called],
    *,
    here: bool,
) -> Html:
    known = members.get(member)
    name = customer_name(visit, known.traits, known.first_value) if known else str(member)
    address = visit.to("customers", member)
    shown = span("strong", name) if here else link(address, name, cls="strong")
    kinds = dict.fromkeys(part for rule in grounds for part in rule.split("+"))
    same = [visit.say(together.SAME[kind]) for kind in kinds if kind in together.SAME]
    comma = "・" if visit.language == "ja" else ", "
    return div("fact-row", shown, span("muted small", comma.join(same)))


def _company(visit: Visit, company: CompanyGroup) -> Html:
    name = " ".join(part for part in (company.form, company.core, company.branch) if part)
    return div(
        "fact-row",
        span("strong break", name),
        span("muted small", visit.count(together.members, company.members)),
    )
