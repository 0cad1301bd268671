"""Values that a setting has itself, or takes from a variable or a file: mostly secrets."""

import os
from collections.abc import Mapping
from pathlib import Path

from ..exceptions import InvalidSettings, SecretMissing

_SOURCES = ("ENV", "FILE")
SOURCE_HINT = 'Write {"FILE": "/run/secrets/..."} or {"ENV": "..."}.'

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""The variable in which systemd names the folder of a unit's credentials:
https://systemd.io/CREDENTIALS/."""


class _NotFoundHereError(ValueError):
    """A value is not where it should be, for this process at least."""


def value_of(key: str, where: str, value: object) -> str:
    """Return a value of the setting ``key`` as text; ``where`` names it, if it is in a dictionary.

    Raises ``SecretMissing`` if it is not where it should come from, and ``InvalidSettings`` if
    it is wrong; neither shows it.
    """
    what = f"{where} " if where else ""
    try:
        return text_of(value)
    except _NotFoundHereError as error:
        hint = "Set it for whatever backs up, restores or checks; other processes do not need it."
        raise SecretMissing(key, f"{what}{error}", hint) from None
    except ValueError as error:
        raise InvalidSettings(key, f"{what}{error}", SOURCE_HINT) from None


def text_of(value: object) -> str:
    """Return a value as rclone reads it. Raises ``ValueError``, never with the value."""
    if isinstance(value, Mapping):
        return _fetched(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"must be text, a number or a boolean, not {type(value).__name__}")
    if "\0" in value:
        raise ValueError("contains a NUL character")
    return value


def _fetched(value: Mapping[object, object]) -> str:
    """Return a secret from where a setting says it is."""
    [(source, place)] = value.items() if len(value) == 1 else [(None, None)]
    if source not in _SOURCES or not isinstance(place, str | os.PathLike) or not place:
        raise ValueError("must name one FILE or one ENV for a secret")
    if source == "ENV":
        if text := os.environ.get(os.fspath(place), ""):
            return text
        raise _NotFoundHereError(f"is to come from the variable {place}, which is not set")
    path = Path(place)
    if not path.is_absolute():
        folder = os.environ.get(CREDENTIALS_DIRECTORY, "")
        if not folder:
            raise _NotFoundHereError(
                f"is to come from {path}, a relative path: only a service to which systemd "
                f"hands credentials may name them so, and {CREDENTIALS_DIRECTORY} is not set"
            )
        path = folder / path
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        problem = f"is to come from {path}, which cannot be read: {error.strerror}"
        raise _NotFoundHereError(problem) from None
    except ValueError:
        raise ValueError(f"is to come from {path}, which cannot be read: it is not text") from None
    if not text or "\0" in text:
        raise ValueError(f"is to come from {path}, which is empty or not text")
    return text
