"""The messages on the page about troubleshooting are those of the code."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.texts import CORE, page

TEXT = page("troubleshooting")
MESSAGES = [line.split("`")[1] for line in TEXT.splitlines() if line.startswith("| `")]


def literals(node: ast.AST) -> Iterator[str]:
    """Yield the texts in a module; a placeholder is a line break."""
    for found in ast.walk(node):
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            yield found.value
        elif isinstance(found, ast.JoinedStr):
            parts = (
                part.value if isinstance(part, ast.Constant) else "\n" for part in found.values
            )
            yield "".join(str(part) for part in parts)


SAID = {
    text for path in CORE.rglob("src/**/*.py") for text in literals(ast.parse(path.read_text()))
}


def is_said(message: str) -> bool:
    """Whether a text has the words of the message, in their order."""
    pattern = re.compile(".*".join(re.escape(part.strip()) for part in message.split("...")), re.S)
    return any(pattern.search(text) for text in SAID)


def test_there_are_messages() -> None:
    assert len(MESSAGES) > 12


@pytest.mark.parametrize("message", MESSAGES)
def test_message_is_one_of_the_code(message: str) -> None:
    assert is_said(message)


def test_a_message_that_nobody_says_would_be_found() -> None:
    assert not is_said("The dump command did not make a dump")
