"""Chance and identifiers depend on names alone, so a second run repeats them."""

from tsunagu.core import chance, stable_id, stable_key


def test_names_are_kept_apart() -> None:
    assert stable_id("ab", "c") != stable_id("a", "bc")
    assert stable_key("a", 1) == stable_key("a", 1)


def test_chance_is_uniform() -> None:
    draws = [chance("journey", n) for n in range(20_000)]
    assert 0.095 < sum(d < 0.1 for d in draws) / len(draws) < 0.105
