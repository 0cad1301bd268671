"""Errors told in words that give no secret away."""

import re
import traceback
from collections.abc import Iterable
from pathlib import PurePath

from .exceptions import InvalidNotifySettings, MissingExtra, NotifierError

MASK = "***"

_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_SHORTEST_SECRET = 6


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` on one line, with every URL and each of ``secrets`` masked."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return " ".join(_URL.sub(MASK, text).split())


def told(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """Describe ``error`` for a log or a terminal.

    The words of our own errors are shown masked. A foreign exception is told by
    its class and place only: HTTP libraries write the URL, or a part of it that
    no pattern finds, into their messages.
    """
    if isinstance(error, (NotifierError, InvalidNotifySettings, MissingExtra)):
        return masked(str(error), secrets)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
