"""What is signed on the remote: manifests, pins, and records of rehearsals.

Each is an object of one line of canonical JSON, whose signature covers all other fields.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

from django.core.signing import BadSignature, Signer

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The base of what is signed. Dates are stored in UTC."""

    signature: str = ""

    def signed(self, signer: Signer) -> Self:
        """Return the same with its signature."""
        return replace(self, signature=signer.signature(self._payload()))

    def is_signed_by(self, signer: Signer) -> bool:
        """Return whether ``signer`` signed this, with its key or one of the fallbacks."""
        try:
            signer.unsign(f"{self._payload()}{signer.sep}{self.signature}")
        except (BadSignature, UnicodeError):
            return False
        return True

    def to_bytes(self) -> bytes:
        """Return it as it is stored."""
        return (_canonical(self._values()) + "\n").encode()

    def _payload(self) -> str:
        values = self._values()
        del values["signature"]
        return _canonical(values)

    def _values(self) -> dict[str, Any]:
        # To mypy the type of a dataclass cannot be hashed.
        own = names(type(self))  # type: ignore[arg-type]
        return {name: _plain(getattr(self, name)) for name in own}


@cache
def names(kind: type[Signed]) -> tuple[str, ...]:
    """Return the names of the fields of what is signed."""
    return tuple(field.name for field in fields(kind))


def signer_for(salt: str, key: str, fallbacks: tuple[str, ...]) -> Signer:
    """Return the signer of one kind of object, which has a ``salt`` of its own."""
    return Signer(key=key, fallback_keys=list(fallbacks), salt=salt)


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _canonical(values: Mapping[str, Any]) -> str:
    return _ENCODER.encode(values)
