"""Small models of matching that are made by hand, and their weights by other code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tsunagu.identity.linking import Column, Comparison, Key, Level, Model, Report


@dataclass(frozen=True)
class Judge:
    """Weighs columns of short texts: what it adds where they are equal, and where they differ."""

    columns: dict[str, tuple[float, float]]
    prior: float
    upper: float
    lower: float

    def weight(self, a: dict[str, Any], b: dict[str, Any]) -> float | None:
        """The weight of two records; None where one of them says nothing."""
        if any(not (self.columns.keys() & side.keys()) for side in (a, b)):
            return None
        both = self.columns.keys() & a.keys() & b.keys()
        told = (self.columns[name][a[name] != b[name]] for name in both)
        return math.log2(self.prior / (1 - self.prior)) + sum(told)

    def model(self) -> Model:
        """The same as a document."""
        report = Report(
            records=0, pairs=0, likely_pairs=0, recall=1, precision=1, linked=0, asked=0
        )
        return Model(
            columns=tuple(Column(name=n, nature="text", filled=1) for n in self.columns),
            comparisons=tuple(_comparison(n, *told) for n, told in self.columns.items()),
            keys=tuple(Key(parts=(n,), cap=1_000, pairs=0, share=1) for n in self.columns),
            prior=self.prior,
            upper=self.upper,
            lower=self.lower,
            report=report,
        )


def _comparison(name: str, equal: float, different: float) -> Comparison:
    return Comparison(
        name=name,
        columns=(name,),
        levels=(
            Level(label="none", condition=f"{name}_l is null or {name}_r is null", null=True),
            Level(label="equal", condition=f"{name}_l = {name}_r", m=0.9, u=0.9 * 2**-equal),
            Level(label="different", condition="else", m=0.9 * 2**different, u=0.9),
        ),
    )


BY_NAME = Judge({"name": (10.0, -6.0)}, 0.01, upper=3.0, lower=0.0)
BY_CITY = Judge({"city": (10.0, -6.0)}, 0.01, upper=3.0, lower=0.0)
BY_BOTH = Judge({"name": (9.0, -3.0), "city": (9.0, -3.0)}, 0.01, upper=5.0, lower=-1.0)
NOBODY = Judge({"name": (1.0, -1.0), "city": (1.0, -1.0)}, 0.01, upper=50.0, lower=40.0)
JUDGES = [BY_NAME, BY_CITY, BY_BOTH, NOBODY]
