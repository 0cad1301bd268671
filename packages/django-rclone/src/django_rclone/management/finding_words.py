"""Findings of trials, for people and for programs."""

from django.core.management.color import Style

from ..operations.setup.findings import Finding, State
from .formatting import printable

_WORDS = {State.OK: "ok", State.WARNING: "WARNING", State.FAILED: "FAILED"}
_COLORS = {State.OK: "SUCCESS", State.WARNING: "WARNING", State.FAILED: "ERROR"}
_WIDTH = max(map(len, _WORDS.values()))


def finding_text(finding: Finding, style: Style) -> str:
    """Return a line for a finding, and another with what to do about it."""
    word = _WORDS[finding.state].ljust(_WIDTH)
    colored = getattr(style, _COLORS[finding.state])(word)
    text = printable(finding.text).replace("\n", " ")
    line = f"{colored}  {finding.step}: {text}"
    if not finding.fix:
        return line
    return f"{line}\n{' ' * _WIDTH}  Fix: {printable(finding.fix)}"


def finding_record(finding: Finding) -> dict[str, object]:
    """Return a finding for programs."""
    return {
        "step": finding.step,
        "state": finding.state.value,
        "text": finding.text,
        "fix": finding.fix or None,
    }
