"""``CLIENTS``: the client of each database, and its options."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings

from ..exceptions import InvalidSettings
from . import validators


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """The client of one database: a dotted path, and keyword arguments for it."""

    backend: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)


def clients(key: str, value: object) -> dict[str, ClientSettings]:
    """Accept the clients of databases, by alias."""
    hint = f'For example {{"default": {{"BACKEND": "shop.backups.Client"}}}} in DJANGO_RCLONE["{key}"].'
    if not isinstance(value, Mapping):
        raise InvalidSettings(key, f"must be a dict, not {validators.type_name(value)}", hint)
    clients = {}
    for alias, client in value.items():
        if alias not in settings.DATABASES:
            known = validators.did_you_mean(alias, settings.DATABASES)
            raise InvalidSettings(key, f"names an unknown database: {alias!r}", known or hint)
        if not isinstance(client, Mapping) or not set(client) <= {"BACKEND", "OPTIONS"}:
            problem = f"of {alias!r} may contain only BACKEND and OPTIONS"
            raise InvalidSettings(key, problem, hint)
        backend, options = client.get("BACKEND"), client.get("OPTIONS", {})
        if not (backend is None or isinstance(backend, str)) or not isinstance(options, Mapping):
            raise InvalidSettings(key, f"of {alias!r} has a value of the wrong type", hint)
        clients[alias] = ClientSettings(backend=backend, options=dict(options))
    return clients
