"""Pins: a backup that has one is not deleted by a clean-up.

A pin is a small object next to the manifest. It is signed, so that nobody else can say why
the backup stays; but it keeps the backup in any case, since it can only protect.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from django.core.signing import Signer

from ..conf import Settings
from ..rclone.decoding import json_object, typed_fields
from .signing import Signed, signer_for

SUFFIX = ".pin"
REASON_LIMIT = 500
"""Characters of the reason."""

_SALT = "django_rclone.backups.pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin(Signed):
    """Why a backup must stay."""

    path: str
    """That of the backup."""
    reason: str
    pinned_at: datetime

    @classmethod
    def new(cls, path: str, reason: str, settings: Settings) -> Self:
        """Return a signed pin."""
        pin = cls(path=path, reason=reason, pinned_at=datetime.now(UTC))
        return pin.signed(_signer(settings))


def pin_path(path: str) -> str:
    """Return where the pin of the backup at ``path`` is stored."""
    return path + SUFFIX


def reason_in(data: bytes | None, path: str, settings: Settings) -> str:
    """Return the reason in the stored pin of ``path``, or why it is not known, in brackets."""
    try:
        pin = Pin(**typed_fields(Pin, json_object(data or b"")))
    except ValueError:
        return "(its pin cannot be read)"
    if not pin.is_signed_by(_signer(settings)):
        return "(its pin was altered, or signed with another key)"
    return pin.reason if pin.path == path else "(its pin is that of another backup)"


def marked(stored: Iterable[str], suffix: str) -> frozenset[str]:
    """Return the paths of the backups that have an object with this suffix."""
    return frozenset(path.removesuffix(suffix) for path in stored if path.endswith(suffix))


def _signer(settings: Settings) -> Signer:
    return signer_for(_SALT, settings.signing_key, settings.signing_key_fallbacks)
