"""The document of a matching model: what is compared, how it is blocked, and what it weighs.

A model is learned without labels from the records at hand and kept with its report, so that the
same weights score in bulk, live and in an explanation of one pair.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Nature = Literal["name", "text", "date", "number", "code", "category", "email"]


class Document(BaseModel):
    """A part of a model; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Document):
    """A column of records and what its values are like.

    `classes` are its frequent values, the most frequent ones first: to agree on those proves
    little. All others are rare.
    """

    name: str
    nature: Nature
    filled: float = Field(ge=0, le=1, description="Share of records with a value.")
    classes: tuple[tuple[str, ...], ...] = ()
    reading: str = Field(default="", description="The column that tells how this one is read.")

    @model_validator(mode="before")
    @classmethod
    def _of_two_classes(cls, told: Any) -> Any:
        """Models of before had two classes of values, `common` and `usual`."""
        if isinstance(told, dict) and ({"common", "usual"} & told.keys()):
            two = [told.get("common", ()), told.get("usual", ())]
            kept = {k: v for k, v in told.items() if k not in ("common", "usual")}
            return kept | {"classes": two if any(two) else ()}
        return told


class Key(Document):
    """A blocking key: records with equal keys are compared.

    `parts` are columns of the prepared records. Values that more than `cap` records share are no
    key: their pairs would be many and prove little.
    """

    parts: tuple[str, ...]
    cap: int = Field(ge=2)
    pairs: int = Field(ge=0, description="Candidate pairs it gave when it was chosen.")
    share: float = Field(ge=0, le=1, description="Share of the likely pairs that it holds.")

    @property
    def name(self) -> str:
        """How the key is called in a report."""
        return " + ".join(self.parts)


class Level(Document):
    """One outcome of a comparison: a condition over `<column>_l` and `<column>_r`.

    `m` is how often a true pair has it, `u` how often two people at random do. A level that is
    `null` says nothing either way.
    """

    label: str
    condition: str
    null: bool = False
    m: float | None = Field(default=None, ge=0, le=1)
    u: float | None = Field(default=None, ge=0, le=1)


class Comparison(Document):
    """How one column, or two that may be swapped, are compared: the first level that holds.

    `columns` are what it compares; its conditions may look at those `beside` as well.
    """

    name: str
    columns: tuple[str, ...]
    beside: tuple[str, ...] = ()
    levels: tuple[Level, ...]

    @property
    def named(self) -> tuple[str, ...]:
        """All columns that its conditions name."""
        return self.columns + self.beside


class Rival(Document):
    """Other people who are alike because they share the value of the column `name`, as one home.

    `chances` tells, for each comparison, how often such pairs have each level, and `share` how
    frequent they are among all pairs. A pair is weighed against them where they explain it
    better than two people at random.
    """

    name: str
    share: float = Field(gt=0, lt=1)
    chances: tuple[tuple[float, ...], ...]


class Report(Document):
    """What training found: counts, the recall of blocking, and the precision at the thresholds.

    `recall` is an estimate without labels: of the likely pairs how many share a key, those added
    that no key found (Chao's lower bound on the unseen). `precision` is the mean probability of
    the pairs above the upper threshold.
    """

    records: int
    pairs: int
    likely_pairs: float
    recall: float
    precision: float
    linked: int
    asked: int


class Model(Document):
    """A trained model. Weights are log2 of odds; thresholds are match weights."""

    version: int = 1
    told: tuple[str, ...] = Field(default=(), description="Columns that records are told by.")
    forms: dict[str, str] = Field(default={}, description="Which of those are read, as what kind.")
    columns: tuple[Column, ...]
    comparisons: tuple[Comparison, ...]
    rivals: tuple[Rival, ...] = ()
    keys: tuple[Key, ...]
    prior: float = Field(gt=0, lt=1, description="Probability that two records are one person.")
    shift: float = Field(default=0.0, description="Bits by which answers moved every weight.")
    upper: float = Field(description="At this weight and above, pairs are linked.")
    lower: float = Field(description="Between this weight and the upper one, people are asked.")
    report: Report

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that a record is told by, before it is read."""
        return self.told or tuple(column.name for column in self.columns)
