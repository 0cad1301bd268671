"""Secrets that do not show themselves, and errors described without them."""

import re
import traceback
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from .exceptions import InvalidNotifySettings, MissingExtra, NotifierError

MASK = "***"

_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_MIN_SECRET_LENGTH = 6


class Secret:
    """Hold ``text``, such as a webhook URL, a key or a token, without showing it.

    It prints, logs and formats as ``***``, also on Django's debug pages and among
    the local variables that Sentry collects. Two secrets with the same text are
    equal.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text. Pass it on directly: error reports show local variables."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__


def unwrap(value: object) -> object:
    """Return the text of a ``Secret``, and any other value unchanged."""
    return value.reveal() if isinstance(value, Secret) else value


def texts(value: object) -> Iterable[str]:
    """Yield every string in an option, at any depth: each one may be a secret."""
    value = unwrap(value)
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from texts(item)


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` on one line, with every URL and each of ``secrets`` masked."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _MIN_SECRET_LENGTH:
            text = text.replace(secret, MASK)
    return " ".join(_URL.sub(MASK, text).split())


def describe(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """Describe ``error`` for a log or a terminal.

    The messages of this package's own errors are shown masked. Any other error is
    described by its class and location only: HTTP libraries put the URL, or a part
    of it that no pattern recognizes, into their messages.
    """
    if isinstance(error, (NotifierError, InvalidNotifySettings, MissingExtra)):
        return mask(str(error), secrets)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
