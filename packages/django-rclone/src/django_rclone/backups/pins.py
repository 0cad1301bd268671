"""Pins: a backup that has one is not deleted by a clean-up.

A pin is a small object next to the manifest. It is signed, so that nobody else can say why
the backup stays, and until when; but one that is not keeps the backup all the same, and
forever, since a pin can only protect.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

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
    until: datetime | None = None
    """When it ends; ``None`` if it does not."""

    @classmethod
    def new(
        cls, path: str, reason: str, settings: Settings, *, lasting: timedelta | None = None
    ) -> Self:
        """Return a signed pin, which holds from now on, forever or for so long."""
        now = datetime.now(UTC)
        until = now + lasting if lasting else None
        return cls(path=path, reason=reason, pinned_at=now, until=until).signed(_signer(settings))


class Pinned(NamedTuple):
    """What a stored pin says."""

    reason: str
    """Or why it is not known, in brackets."""
    until: datetime | None
    """When it ends; ``None`` if it does not, or if that is not known."""

    def holds(self, now: datetime) -> bool:
        """Return whether it keeps its backup still."""
        return self.until is None or now < self.until


def pin_path(path: str) -> str:
    """Return where the pin of the backup at ``path`` is stored."""
    return path + SUFFIX


def read_pin(data: bytes | None, path: str, settings: Settings) -> Pinned:
    """Return what the stored pin of ``path`` says."""
    try:
        pin = Pin(**typed_fields(Pin, json_object(data or b"")))
    except ValueError:
        return Pinned("(its pin cannot be read)", None)
    if not pin.is_signed_by(_signer(settings)):
        return Pinned("(its pin was altered, or signed with another key)", None)
    if pin.path != path:
        return Pinned("(its pin is that of another backup)", None)
    return Pinned(pin.reason, pin.until)


def marked(stored: Iterable[str], suffix: str) -> frozenset[str]:
    """Return the paths of the backups that have an object with this suffix."""
    return frozenset(path.removesuffix(suffix) for path in stored if path.endswith(suffix))


def _signer(settings: Settings) -> Signer:
    return signer_for(_SALT, settings.signing_key, settings.signing_key_fallbacks)
