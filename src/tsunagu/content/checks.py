"""Checks before publishing: what would go wrong with a message, as errors with their line.

Every wording is rendered for a customer of whom nothing is known and for each sample
customer, so that a missing trait is found at the desk and not in somebody's mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from minijinja import TemplateError

from tsunagu.content.protocol import Check, Done, Failed, Finding, Render
from tsunagu.content.templates import (
    VARIABLES,
    TemplateFault,
    TemplateStore,
    compile_mjml,
    environment,
    explain,
)

CLIPPED_AT = 102_000
"""Gmail cuts what is longer, the unsubscribe link with it."""
LONG_SUBJECT = 80

_EXAMPLE = "https://example.com/"
_UNSUBSCRIBE = f"{_EXAMPLE}unsubscribe"
_EXPRESSION = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_TAG = re.compile(r"<(/?)(mj[a-z-]*)\b[^>]*?(/?)>", re.IGNORECASE)
_IMAGE = re.compile(r"<mj-image\b(?![^>]*\balt=)[^>]*>", re.IGNORECASE)
_ELEMENT = re.compile(
    "mjml|mj-(head|body|attributes|all|class|font|preview|style|title|breakpoint|html-attributes?"
    "|selector|section|column|group|wrapper|hero|text|button|image|divider|spacer|table|raw"
    "|social(-element)?|navbar(-link)?|accordion(-element|-title|-text)?|carousel(-image)?)"
)


def check_wording(request: Check) -> list[Finding]:
    """Everything that is wrong with one wording."""
    parts = {"subject": request.subject, "mjml": request.mjml, "text": request.text}
    findings = [*_mjml(request.mjml)]
    for part, source in parts.items():
        findings += _template(part, source, request)
    if not any(finding.severity == "error" for finding in findings):
        findings += _written(request)
    return list(dict.fromkeys(findings))


def _mjml(source: str) -> Iterator[Finding]:
    """Tags that are unknown or do not close, what the compiler says, images without words."""
    unbalanced = _first_unbalanced(source)
    if unbalanced is not None:
        yield unbalanced
    else:
        try:
            compile_mjml(source)
        except TemplateFault as fault:
            yield Finding("mjml", fault.line, fault.text, "error")
    for tag in _TAG.finditer(source):
        if not _ELEMENT.fullmatch(tag[2].lower()):
            yield _at(source, tag.start(), f"<{tag[2]}> is no MJML element; it would be left out")
    for image in _IMAGE.finditer(source):
        text = 'an image needs alt="..." for readers who do not see it; alt="" if it is decoration'
        yield _at(source, image.start(), text)


def _first_unbalanced(source: str) -> Finding | None:
    open_tags: list[tuple[str, int]] = []
    for tag in _TAG.finditer(source):
        name = tag[2].lower()
        if not tag[1]:
            if not tag[3]:
                open_tags.append((name, tag.start()))
        elif not open_tags or open_tags[-1][0] != name:
            return _at(source, tag.start(), f"</{name}> closes nothing that is open here")
        else:
            open_tags.pop()
    if not open_tags:
        return None
    name, offset = open_tags[-1]
    return _at(source, offset, f"<{name}> is never closed")


def _at(source: str, index: int, text: str, severity: str = "error") -> Finding:
    return Finding("mjml", source.count("\n", 0, index) + 1, text, severity)


def _template(part: str, source: str, request: Check) -> list[Finding]:
    """Syntax, unknown variables, and what is missing for one of the sample customers."""
    env = environment()
    try:
        env.add_template(part, source)
    except TemplateError as error:
        return [Finding(part, error.line or 0, explain(error), "error")]
    unknown = sorted(env.undeclared_variables_in_template(part) - VARIABLES)
    if unknown:
        known = ", ".join(sorted(VARIABLES))
        return [
            Finding(
                part, _line_of(source, name), f"{name!r} is unknown; there are: {known}", "error"
            )
            for name in unknown
        ]
    findings: dict[tuple[int, str], Finding] = {}
    for traits in ({}, *request.samples):
        try:
            env.render_template(part, **_variables(traits))
        except TemplateError as error:
            found = Finding(part, error.line or 0, _advice(error, traits), "error")
            findings.setdefault((found.line, found.text), found)
    return list(findings.values())


def _advice(error: TemplateError, traits: dict[str, Any]) -> str:
    if error.kind != "UndefinedError":
        return explain(error)
    who = "a customer of whom nothing is known" if not traits else "one of the sample customers"
    return f"{explain(error)} for {who}; write | default('...') or an {{% if %}} around it"


def _line_of(source: str, name: str) -> int:
    for match in _EXPRESSION.finditer(source):
        if re.search(rf"\b{re.escape(name)}\b", match[0]):
            return source.count("\n", 0, match.start()) + 1
    return 0


def _variables(traits: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer": traits,
        "links": [f"{_EXAMPLE}l{number}" for number in range(100)],
        "unsubscribe_url": _UNSUBSCRIBE,
        "web_view_url": f"{_EXAMPLE}v",
    }


def _written(request: Check) -> Iterator[Finding]:
    """What can be seen only in the written message."""
    store = TemplateStore()
    targets = store.load(0, request.subject, request.mjml, request.text)
    clicks = [f"{_EXAMPLE}l{number}" for number in range(len(targets))]
    for traits in ({}, *request.samples):
        done = store.render(Render(0, traits, clicks, _UNSUBSCRIBE, f"{_EXAMPLE}v"))
        if isinstance(done, Failed):
            yield Finding("message", 0, done.detail, "error")
            return
        yield from _limits(done)
        if request.needs_unsubscribe:
            yield from _unsubscribe(done)


def _limits(done: Done) -> Iterator[Finding]:
    size = len(done.html.encode())
    if size > CLIPPED_AT:
        text = f"{size:,} bytes of HTML; mail readers cut what is over {CLIPPED_AT:,}"
        yield Finding("mjml", 0, text, "warning")
    if len(done.subject) > LONG_SUBJECT:
        text = f"{len(done.subject)} characters; phones show about 40"
        yield Finding("subject", 0, text, "warning")


def _unsubscribe(done: Done) -> Iterator[Finding]:
    advice = "customers must be able to leave: link to {{ unsubscribe_url }}"
    if f'href="{_UNSUBSCRIBE}"' not in done.html:
        yield Finding("mjml", 0, advice, "error")
    if _UNSUBSCRIBE not in done.text:
        yield Finding("text", 0, advice, "error")
