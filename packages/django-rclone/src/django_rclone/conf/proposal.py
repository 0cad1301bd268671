"""The values of ``DJANGO_RCLONE``: those of the settings, or others that are tried before they are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings as django_settings

SETTING = "DJANGO_RCLONE"

_proposed: list[Mapping[str, object]] = []


def configured() -> object:
    """Return ``DJANGO_RCLONE`` as it is to be read, whatever it is; ``None`` if it is not set."""
    return _proposed[-1] if _proposed else getattr(django_settings, SETTING, None)


def all_configured() -> Iterator[Mapping[str, object]]:
    """Yield ``DJANGO_RCLONE`` of the settings, and what is tried: there are secrets in both."""
    for value in (getattr(django_settings, SETTING, None), *_proposed):
        if isinstance(value, Mapping):
            yield value


@contextmanager
def proposed(values: Mapping[str, object]) -> Iterator[None]:
    """Let ``values`` stand for ``DJANGO_RCLONE`` within the block, in every thread."""
    _proposed.append(values)
    try:
        yield
    finally:
        _proposed.pop()
