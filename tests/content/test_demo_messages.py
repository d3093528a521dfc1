"""The messages that the demonstration publishes are good ones, for customers known or not."""

from __future__ import annotations

import pytest

from tsunagu.channels import LinkSigner
from tsunagu.content import Message, Rendered, Renderer, RenderJob, check_message
from tsunagu.runtime.demo.library import demo_library

MESSAGES = {
    name: Message.model_validate(document)
    for (kind, name), document in demo_library().items()
    if kind == "message"
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_demo_message_has_no_problem(name: str) -> None:
    assert check_message(MESSAGES[name]) == []


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("known", [True, False])
def test_it_reads_well_in_both_languages(name: str, language: str, known: bool) -> None:
    message = MESSAGES[name]
    traits = next(s for s in message.samples if s["language"] == language) if known else {}
    wording = message.languages[language]
    with Renderer(LinkSigner("https://mail.example", b"s")) as renderer:
        [mail] = renderer.render([RenderJob(1, 1, name, 1, language, wording, traits)])
    assert isinstance(mail, Rendered)
    assert f'lang="{language}"' in mail.html
    assert ("12月24日" in mail.text or "24 December" in mail.text) == known
    assert " ," not in mail.text
    assert "{" not in mail.text
    assert mail.html.count("https://mail.example/l/") == 2
    assert "https://mail.example/l/" in mail.text
