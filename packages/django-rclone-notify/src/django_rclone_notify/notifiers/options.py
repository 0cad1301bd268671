"""Checks of option values, shared by the constructors of the notifiers.

Each raises ``InvalidOption``, which names the option and never its value.
"""

import math
from urllib.parse import urlsplit

from django_rclone_notify.exceptions import InvalidOption


def require_text(option: str, value: object) -> str:
    """Return ``value`` if it is a string that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidOption(option, "must be a string that is not empty")
    return value.strip()


def require_url(option: str, value: object) -> str:
    """Return ``value`` if it is an ``http://`` or ``https://`` address with a host."""
    text = require_text(option, value)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in text):
        hint = "Copy the whole address from the service, https:// included."
        raise InvalidOption(option, "must be an address that starts with https://", hint)
    return text


def require_seconds(option: str, value: object) -> float:
    """Return ``value`` if it is a number of seconds above 0, at most 60."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidOption(option, "must be a number of seconds")
    if not math.isfinite(value) or not 0 < value <= 60:
        hint = "The operation waits that long when the service hangs."
        raise InvalidOption(option, "must be above 0 and at most 60 seconds", hint)
    return float(value)


def require_flag(option: str, value: object) -> bool:
    """Return ``value`` if it is ``True`` or ``False``."""
    if not isinstance(value, bool):
        raise InvalidOption(option, "must be True or False")
    return value
