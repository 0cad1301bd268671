"""What a trial found out, step by step."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a step went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is said of one step: ``text`` has no secrets, and ``fix`` says what to do about it."""

    step: str
    state: State
    text: str
    fix: str = ""


def ok(step: str, text: str) -> Finding:
    """Return that a step went well."""
    return Finding(step, State.OK, text)


def warning(step: str, text: str, fix: str) -> Finding:
    """Return that backups work, and something deserves attention."""
    return Finding(step, State.WARNING, text, fix)


def failed(step: str, text: str, fix: str) -> Finding:
    """Return that backups do not work like this, or cannot be relied on."""
    return Finding(step, State.FAILED, text, fix)
