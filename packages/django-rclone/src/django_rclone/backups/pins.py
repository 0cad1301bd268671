"""Pins: a backup that has one is not deleted by a clean-up.

A pin is a small object next to the manifest. It is signed, so that nobody else can say why
the backup stays; but it keeps the backup in any case, since it can only protect.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from django.core.signing import BadSignature, Signer

from ..conf import Settings
from ..rclone.decoding import json_object, typed_fields
from .manifest import canonical

SUFFIX = ".pin"
REASON_LIMIT = 500
"""Characters of the reason."""

_SALT = "django_rclone.backups.pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Why a backup must stay."""

    path: str
    """That of the backup."""
    reason: str
    pinned_at: datetime
    signature: str = ""

    @classmethod
    def new(cls, path: str, reason: str, settings: Settings) -> Self:
        """Return a signed pin."""
        pin = cls(path=path, reason=reason, pinned_at=datetime.now(UTC))
        return replace(pin, signature=_signer(settings).signature(pin._payload()))

    def to_bytes(self) -> bytes:
        """Return the pin as it is stored."""
        return (canonical(self._values()) + "\n").encode()

    def _payload(self) -> str:
        values = self._values()
        del values["signature"]
        return canonical(values)

    def _values(self) -> dict[str, Any]:
        return {**asdict(self), "pinned_at": self.pinned_at.astimezone(UTC).isoformat()}


def pin_path(path: str) -> str:
    """Return where the pin of the backup at ``path`` is stored."""
    return path + SUFFIX


def reason_in(data: bytes | None, path: str, settings: Settings) -> str:
    """Return the reason in the stored pin of ``path``, or why it is not known, in brackets."""
    try:
        pin = Pin(**typed_fields(Pin, json_object(data or b"")))
        _signer(settings).unsign(f"{pin._payload()}:{pin.signature}")
    except (BadSignature, UnicodeError):
        return "(its pin was altered, or signed with another key)"
    except ValueError:
        return "(its pin cannot be read)"
    return pin.reason if pin.path == path else "(its pin is that of another backup)"


def marked(stored: Iterable[str], suffix: str) -> frozenset[str]:
    """Return the paths of the backups that have an object with this suffix."""
    return frozenset(path.removesuffix(suffix) for path in stored if path.endswith(suffix))


def _signer(settings: Settings) -> Signer:
    return Signer(
        key=settings.signing_key, fallback_keys=list(settings.signing_key_fallbacks), salt=_SALT
    )
