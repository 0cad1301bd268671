"""The secrets that are known from the settings and the environment, for whoever masks them."""

import os
from collections.abc import Iterator
from urllib.parse import unquote_plus

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from . import remotes, signing
from .proposal import all_configured

_SECRET_OPTIONS = ("password", "passwd", "sslpassword", "tlsCertificateKeyFilePassword")


def secrets() -> Iterator[str]:
    """Yield every known secret in the Django settings and in rclone's environment variables."""
    candidates: list[object] = [
        secret_key(),
        *_listed(getattr(django_settings, "SECRET_KEY_FALLBACKS", ())),
    ]
    for own in all_configured():
        keys = (own.get("SIGNING_KEY"), *_listed(own.get("SIGNING_KEY_FALLBACKS")))
        candidates += [text for key in keys for text in signing.known(key)]
        candidates += remotes.secrets(own.get("REMOTES"))
    for database in getattr(django_settings, "DATABASES", {}).values():
        candidates.append(database.get("PASSWORD"))
        options = database.get("OPTIONS") or {}
        candidates += [options.get(name) for name in _SECRET_OPTIONS]
        candidates.append(_password_in(database.get("HOST")))
    candidates += [
        value
        for name, value in os.environ.items()
        if name.startswith("RCLONE_") and remotes.is_secret(name)
    ]
    texts = (
        one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in candidates
    )
    return (text for text in texts if isinstance(text, str) and text)


def secret_key() -> str:
    """Return ``SECRET_KEY``, or nothing: Django raises for an empty one."""
    try:
        key: object = django_settings.SECRET_KEY
    except ImproperlyConfigured:
        return ""
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


def _password_in(host: object) -> str:
    """Return the password in a connection string, which MongoDB accepts as a host."""
    login, at, _ = str(host or "").partition("://")[2].partition("/")[0].rpartition("@")
    return unquote_plus(login.partition(":")[2]) if at else ""


def _listed(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()
