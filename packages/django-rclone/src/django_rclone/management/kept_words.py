"""What keeps a backup or a run, for programs and for people."""

from ..operations.listing import Listed
from .formatting import date, printable


def kept_record(listed: Listed) -> dict[str, object]:
    """Return the pin of a backup, and what keeps it, for programs."""
    kept, pin = listed.kept, listed.pin
    return {
        "pinned": pin.reason if pin else None,
        "pinned_until": pin.until.isoformat() if pin and pin.until else None,
        "kept": None if kept is None else [str(reason) for reason in kept],
    }


def kept_words(listed: Listed) -> str:
    """Return the rules that keep a backup; ``-`` if no clean-up looks at it."""
    if listed.kept is None:
        return "-"
    return ", ".join(reason.rule for reason in listed.kept) or "until a clean-up"


def pin_sentence(listed: Listed) -> str:
    """Return until when a backup is pinned, and why; nothing if the pin says neither."""
    pin = listed.pin
    if pin is None or not (pin.until or pin.reason):
        return ""
    until = f" until {date(pin.until)}" if pin.until else ""
    reason = f": {pin.reason}" if pin.reason else ""
    return printable(f"{listed.backup.name} is pinned{until}{reason}")
