"""Questions whether two customers are one person, and what people answer.

A question may also be about two whom an older model made one customer: there `same` confirms the
merge, which no model takes back then, and `different` parts the customer along the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from psycopg import Cursor

from tsunagu import identity
from tsunagu.core import Invalid, Json, NotFound
from tsunagu.core.events import IDENTITY_MERGED
from tsunagu.core.times import micros
from tsunagu.identity import Decision, Identifier
from tsunagu.identity import matching_review_queries as queries
from tsunagu.identity.evidence import side_of
from tsunagu.identity.matching import Why
from tsunagu.serve import identity as deciding
from tsunagu.serve.identity_queries import joined
from tsunagu.serve.matching import REVIEW
from tsunagu.serve.matching_partings import parting_of
from tsunagu.storage import Row

_JOINED = "Other evidence joins the two as well; part the customer by hand."


@dataclass(frozen=True)
class Review:
    """A question to people: are these two one person? Both records stand side by side.

    Where both are one customer, an older model made them one, and the traits are those of the
    records that were weighed.
    """

    review_id: int
    customer_a: int
    customer_b: int
    a: Identifier
    b: Identifier
    weight: float
    probability: float
    model: int
    reasons: tuple[Why, ...]
    status: str
    created_at: int
    traits_a: Json
    traits_b: Json

    @property
    def merged(self) -> bool:
        """Whether the two were one customer when it was asked."""
        return self.customer_a == self.customer_b


def open_reviews(
    cursor: Cursor[Row], workspace_id: int, limit: int = 50, after: int | None = None
) -> list[Review]:
    """Questions that nobody has answered, in the order in which they were asked."""
    return [
        Review(
            row[0],
            row[1],
            row[2],
            (row[3], row[4]),
            (row[5], row[6]),
            row[7],
            row[8],
            row[9],
            tuple(msgspec.convert(row[10], list[Why])),
            row[11],
            micros(row[12]),
            row[13],
            row[14],
        )
        for row in queries.list_reviews(cursor, workspace_id, limit, after)
    ]


def answer_review(
    cursor: Cursor[Row], workspace_id: int, review_id: int, answer: str, by: str
) -> str | None:
    """Answer a question: `same` merges, `different` keeps apart, `later` leaves it.

    Of two whom a model merged, `same` confirms that and `different` parts them. The
    cursor is of the role `pipeline`. Returns the decision's message id, None for `later`.

    Raises:
        NotFound: there is no such question, or one of the two is nobody's any more.
        Invalid: it is answered already, the answer is none of these, or other evidence than a
            model's joins two who are to be parted.
    """
    a, b, status, merged = _review(cursor, workspace_id, review_id)
    if status not in ("open", "later"):
        raise Invalid(f"Review {review_id} is answered already; undo that answer first.")
    if answer not in ("same", "different", "later"):
        raise Invalid("The answer is `same`, `different` or `later`.")
    queries.settle_review(cursor, workspace_id, review_id, answer, by)
    if answer == "later":
        return None
    if merged and (whole := _whole(cursor, workspace_id, a, b)) is not None:
        return _answer_merged(cursor, workspace_id, whole, (a, b), answer, by)
    decide = deciding.merge if answer == "same" else deciding.keep_apart
    return decide(cursor, workspace_id, a, b, by, REVIEW)


def _whole(cursor: Cursor[Row], workspace_id: int, a: Identifier, b: Identifier) -> int | None:
    """The customer whom both identifiers lead to; None where they lead to two."""
    customer = identity.current_customer(cursor, workspace_id, *a)
    other = identity.current_customer(cursor, workspace_id, *b)
    return customer if customer == other else None


def _answer_merged(
    cursor: Cursor[Row],
    workspace_id: int,
    whole: int,
    pair: tuple[Identifier, Identifier],
    answer: str,
    by: str,
) -> str:
    a, b = pair
    if answer == "same":
        decision = Decision(IDENTITY_MERGED, (a,), b, by, REVIEW)
    else:
        evidence = joined(cursor, workspace_id, [whole])[whole]
        decision = parting_of(evidence, a, b, by, REVIEW)
        if decision is None:
            raise Invalid(_JOINED)
    return deciding.enter(cursor, workspace_id, decision)


def undo_answer(cursor: Cursor[Row], workspace_id: int, review_id: int, by: str) -> str | None:
    """Take an answer back: what it merged is parted, and the question is open again.

    A `different` is only asked again: the two stay apart until somebody says `same`. So is the
    `same` of two whom a model had merged: they stay one until somebody says `different`.

    Raises:
        NotFound: there is no such question.
        Invalid: it has no answer, or its merge is not yet done.
    """
    a, b, status, merged = _review(cursor, workspace_id, review_id)
    if status == "open":
        raise Invalid(f"Review {review_id} has no answer to take back.")
    queries.settle_review(cursor, workspace_id, review_id, "open", None)
    if status != "same" or merged:
        return None
    customer = _whole(cursor, workspace_id, a, b)
    if customer is None:
        raise Invalid("The merge of this answer is not done yet, or was undone already.")
    leaving = side_of(joined(cursor, workspace_id, [customer])[customer], b, a)
    if not leaving:
        raise Invalid(_JOINED)
    return deciding.part(cursor, workspace_id, leaving, by, REVIEW)


def _review(
    cursor: Cursor[Row], workspace_id: int, review_id: int
) -> tuple[Identifier, Identifier, str, bool]:
    row = queries.lock_review(cursor, workspace_id, review_id)
    if row is None:
        raise NotFound(f"There is no review {review_id}.")
    return (row[0], row[1]), (row[2], row[3]), row[4], row[5]
