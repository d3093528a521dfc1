"""The pages as HTML: one calm card, made to be read on a phone, without any script."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from minijinja import Environment

from tsunagu.public.models import Choice, Language, Recipient
from tsunagu.public.words import WORDS, Words

Mark = Literal["mail", "done", "back", "lost", "busy"]

_ASSETS = files("tsunagu.public") / "assets"
STYLE = (_ASSETS / "pages.css").read_text(encoding="utf-8")
_env = Environment(templates={"page.html": (_ASSETS / "page.html").read_text(encoding="utf-8")})


@dataclass(frozen=True, slots=True)
class Form:
    """A button that posts the customer's choice."""

    choice: Choice
    button: str
    turn: int
    title: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What one page says. `link` is where its plain button leads, with the button's text."""

    mark: Mark
    title: str
    text: str
    more: str = ""
    note: str = ""
    form: Form | None = None
    link: tuple[str, str] | None = None

    @property
    def shown(self) -> tuple[str, ...]:
        """Every sentence on the page that bears on the choice, for the proof of consent."""
        form = self.form
        told = (form.title, form.text, form.button) if form else ()
        return tuple(text for text in (self.title, self.text, self.more, *told, self.note) if text)


def html_of(page: Page, language: Language, sender: str, path: str) -> str:
    """The page as HTML; `path` is the page's own, for the language switch and the form."""
    return _env.render_template(
        "page.html",
        page=page,
        words=WORDS[language],
        language=language,
        languages=[(name, words.own_name) for name, words in WORDS.items()],
        sender=sender,
        path=path,
    )


def leave_page(recipient: Recipient, words: Words, turn: int = 0) -> Page:
    """Asks whether the customer wants to leave."""
    return Page(
        "mail",
        words.leave_title,
        _filled(words.leave_text, recipient, words),
        words.leave_keeps,
        words.leave_note,
        Form("leave", words.leave_button, turn),
    )


def left_page(recipient: Recipient, words: Words, turn: int = 0) -> Page:
    """Says that the customer has left, and offers the way back."""
    stay = _filled(words.stay_text, recipient, words)
    return Page(
        "done",
        words.left_title,
        _filled(words.left_text, recipient, words),
        form=Form("stay", words.stay_button, turn, words.stay_title, stay),
    )


def back_page(recipient: Recipient, words: Words, turn: int) -> Page:
    """Says that the customer is back; leaving again stays one press away."""
    return Page(
        "back",
        words.back_title,
        _filled(words.back_text, recipient, words),
        form=Form("leave", words.leave_button, turn),
    )


def notice_page(words: Words) -> Page:
    """Says that a mandatory notice cannot be stopped."""
    return Page("mail", words.notice_title, words.notice_text)


def lost_page(words: Words) -> Page:
    """Says that there is nothing here, and nothing else: it must not tell why."""
    return Page("lost", words.lost_title, words.lost_text)


def busy_page(words: Words, path: str) -> Page:
    """Says that nothing was recorded and what to do."""
    return Page("busy", words.busy_title, words.busy_text, link=(path, words.busy_button))


def go_on_page(words: Words, target: str) -> Page:
    """The click could not be recorded; the customer is not kept from where they wanted to go."""
    return Page("busy", words.go_on_title, words.go_on_text, link=(target, words.go_on_button))


def _filled(text: str, recipient: Recipient, words: Words) -> str:
    what = words.marketing if recipient.purpose == "marketing" else words.other
    return text.format(address=_masked(recipient.address), what=what)


def _masked(address: str) -> str:
    """The address as its owner recognises it and nobody else learns it."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••@{domain}"
