"""Links in mails: they say where they lead, and only we can write them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tsunagu.channels import LinkSigner

SIGNER = LinkSigner("https://mail.example/", b"s" * 32)


def token(url: str) -> str:
    return url.rsplit("/", 1)[1]


def test_links_read_back_as_written() -> None:
    links = SIGNER.links(3, 2**63 - 1, ["https://shop.example/愛?a=1&b=2"])
    click = SIGNER.read("click", token(links.clicks[0]))
    assert click is not None
    assert (click.workspace_id, click.send_id, click.link) == (3, 2**63 - 1, 0)
    assert click.url == "https://shop.example/愛?a=1&b=2"
    assert links.unsubscribe.startswith("https://mail.example/u/")
    assert SIGNER.read("unsubscribe", token(links.unsubscribe)) is not None
    assert SIGNER.read("view", token(links.view)) is not None


def test_a_link_of_one_kind_is_none_of_another() -> None:
    links = SIGNER.links(3, 1, [])
    assert SIGNER.read("unsubscribe", token(links.view)) is None
    assert SIGNER.read("click", token(links.unsubscribe)) is None


def test_another_secret_writes_other_links() -> None:
    theirs = LinkSigner("https://mail.example", b"t" * 32).links(3, 1, [])
    assert SIGNER.read("view", token(theirs.view)) is None


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_is_trusted(place: int, change: int) -> None:
    good = token(SIGNER.links(3, 99, ["https://shop.example/"]).clicks[0])
    place %= len(good) - 1  # the last character holds bits that decode to nothing
    other = chr((ord(good[place]) + change) % 128)
    changed = good[:place] + other + good[place + 1 :]
    assert changed == good or SIGNER.read("click", changed) is None


@given(st.text(max_size=200))
def test_no_text_at_all_makes_it_stumble(text: str) -> None:
    assert SIGNER.read("view", text) is None
