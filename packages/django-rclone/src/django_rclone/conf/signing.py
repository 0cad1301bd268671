"""The keys that sign manifests."""

import contextlib
from collections.abc import Iterator, Mapping

from ..exceptions import InvalidSettings
from .sources import SOURCE_HINT, text_of, value_of


def signing_key(key: str, value: object) -> str | None:
    """Accept a key, or where it is, or ``None`` for Django's own."""
    return None if value is None else _key(key, "", value, "None uses SECRET_KEY.")


def signing_key_fallbacks(key: str, value: object) -> tuple[str, ...]:
    """Accept a list of older keys, or of where they are."""
    hint = "For example [OLD_KEY]."
    if not isinstance(value, list | tuple):
        raise InvalidSettings(key, "must be a list of non-empty strings", hint)
    return tuple(_key(key, f"number {n}", one, hint) for n, one in enumerate(value, start=1))


def known(value: object) -> Iterator[str]:
    """Yield a key of either setting, as far as it can be found, however wrong it is."""
    if isinstance(value, str | Mapping):
        with contextlib.suppress(ValueError):
            yield text_of(value)


def _key(key: str, where: str, value: object, hint: str) -> str:
    if isinstance(value, Mapping):
        return value_of(key, where, value)
    if not isinstance(value, str) or not value:
        what = f"{where} " if where else ""
        raise InvalidSettings(key, f"{what}must be a non-empty string", f"{hint} {SOURCE_HINT}")
    return value
