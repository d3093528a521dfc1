"""Templates: MJML compiled to HTML once, variables filled in for each customer.

Used inside the worker process only: a template may loop for ever or ask for all the memory
there is, and the process is what it is allowed to take down.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import mjml
from minijinja import Environment, TemplateError, safe

from tsunagu.content.protocol import Done, Failed, Render

FUEL = 1_000_000
"""Template instructions of one part of one message; a long mail takes a few thousand."""
MAX_OUTPUT = 1_000_000
MAX_SUBJECT = 500

VARIABLES = frozenset({"customer", "links", "unsubscribe_url", "web_view_url"})

_LINK = re.compile(r'(<a\b[^>]*?\shref=")(https?://[^"{}]+)(")', re.IGNORECASE)
_PLACE = re.compile(r" \(in [^()]*:\d+\)$")
_POSITION = re.compile(r" at position (\d+):\d+")
_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f\u0085\u2028\u2029]+")


class TemplateFault(Exception):
    """A wording that cannot be compiled or rendered: the part, its line (0: unknown), and why."""

    def __init__(self, part: str, line: int, text: str) -> None:
        where = f"{part}, line {line}" if line else part
        super().__init__(f"{where}: {text}")
        self.part, self.line, self.text = part, line, text


def compile_mjml(source: str) -> str:
    """HTML of an MJML document; template expressions pass through untouched.

    Raises:
        TemplateFault: the document is not well-formed MJML.
    """
    try:
        return mjml.mjml2html(source, fonts={})
    except ValueError as error:
        said = str(error).replace(" in root template", "")
        place = _POSITION.search(said)
        line = source.encode()[: int(place[1])].count(b"\n") + 1 if place else 0
        raise TemplateFault("mjml", line, _POSITION.sub("", said)) from error


def track_links(page: str) -> tuple[str, list[str]]:
    """The HTML with its static links as places for tracked ones, and the links' targets."""
    targets: list[str] = []

    def place(match: re.Match[str]) -> str:
        target = html.unescape(match[2])
        if target not in targets:
            targets.append(target)
        return f"{match[1]}{{{{ links[{targets.index(target)}] }}}}{match[3]}"

    return _LINK.sub(place, page), targets


def environment() -> Environment:
    """A template environment that can reach nothing but what it is given."""
    env = Environment(fuel=FUEL, auto_escape_callback=lambda name: name.endswith("html"))
    env.undefined_behavior = cast(Any, "semi_strict")  # its stub does not know this one
    env.add_filter("day", _day)
    return env


def _day(value: Any, language: str = "en", part: str = "day") -> str:
    """`{{ customer.coupon_ends | day("ja") }}`: the day of an ISO time, as people write it.

    `part` may be `number`, `month` or `weekday` for that alone.
    """
    try:
        day = date.fromisoformat(str(value)[:10])
    except ValueError:
        raise TemplateError(f"day: {value!r} is no date such as 2017-12-24") from None
    weekday = "月火水木金土日"[day.weekday()]
    written = {
        "ja": {
            "day": f"{day.month}月{day.day}日({weekday})",
            "number": f"{day.day}",
            "month": f"{day.month}月",
            "weekday": f"{weekday}曜日",
        },
        "en": {
            "day": f"{day:%A}, {day.day} {day:%B}",
            "number": f"{day.day}",
            "month": f"{day:%B}",
            "weekday": f"{day:%A}",
        },
    }
    try:
        return written[language][part]
    except KeyError:
        raise TemplateError(f"day: there is no {part!r} in {language!r}") from None


@dataclass(frozen=True, slots=True)
class _Names:
    subject: str
    html: str
    text: str


class TemplateStore:
    """Compiled templates by number."""

    def __init__(self) -> None:
        self._env = environment()
        self._names: dict[int, _Names] = {}

    def load(self, number: int, subject: str, source: str, text: str) -> list[str]:
        """Compile a wording; its static links are returned.

        Raises:
            TemplateFault: a part cannot be compiled.
        """
        page, targets = track_links(compile_mjml(source))
        names = _Names(f"{number}.subject", f"{number}.html", f"{number}.text")
        for part, name, body in (
            ("subject", names.subject, subject),
            ("mjml", names.html, page),
            ("text", names.text, text),
        ):
            try:
                self._env.add_template(name, body)
            except TemplateError as error:
                raise TemplateFault(part, 0, error.message) from error
        self._names[number] = names
        return targets

    def render(self, request: Render) -> Done | Failed:
        """One customer's message."""
        names = self._names[request.template]
        variables = {
            "customer": request.traits,
            "links": [safe(link) for link in request.clicks],
            "unsubscribe_url": safe(request.unsubscribe),
            "web_view_url": safe(request.view),
        }
        try:
            subject = one_line(self._part("subject", names.subject, variables))
            page = self._part("mjml", names.html, variables)
            text = self._part("text", names.text, variables)
        except TemplateFault as fault:
            return Failed(str(fault))
        if not subject:
            return Failed("subject: nothing is left of it for this customer")
        return Done(subject[:MAX_SUBJECT], page, text)

    def _part(self, part: str, name: str, variables: dict[str, Any]) -> str:
        try:
            written = self._env.render_template(name, **variables)
        except TemplateError as error:
            raise TemplateFault(part, 0, explain(error)) from error
        if len(written) > MAX_OUTPUT:
            raise TemplateFault(
                part, 0, f"{len(written):,} characters; the limit is {MAX_OUTPUT:,}"
            )
        return written


def explain(error: TemplateError) -> str:
    """The template engine's error in words for the person who wrote the template."""
    if error.kind == "OutOfFuel":
        return "too many steps; a loop goes on too long"
    return _PLACE.sub("", error.message)


def one_line(text: str) -> str:
    """Text without line breaks and control characters: a subject cannot begin a header."""
    return _CONTROLS.sub(" ", text).strip()
