"""What rclone writes to its log, for whoever wants to read along."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from ..redaction import redact
from .decoding import json_object
from .listeners import Listeners

_CONFIGURATION = 'rc: "config/'

_listeners = Listeners()


def overheard(show: Callable[[str], None]) -> AbstractContextManager[None]:
    """Let ``show`` get each line, without secrets, of an rclone that starts within the block."""
    return _listeners.with_one_more(show)


def heard(on_line: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """Return what reads a line as ``on_line`` does, and shows it to whoever wants to know."""

    def read(line: str) -> str | None:
        if _listeners and (text := _text(line)):
            _listeners.say(redact(f"rclone: {text}"))
        return on_line(line)

    return read


def _text(line: str) -> str:
    """Return a line of the log in words; nothing for statistics, and for a whole configuration."""
    try:
        entry = json_object(line)
    except ValueError:
        return line
    message = str(entry.get("msg", "")).strip()
    if "stats" in entry or message.startswith(_CONFIGURATION):
        return ""
    parts = (entry.get("level"), entry.get("object"), message)
    return ": ".join(str(part) for part in parts if part)
