"""Which databases a site has, and which of its aliases mean the same one."""

from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from .. import conf
from ..conf import Settings
from ..conf.clients import ClientSettings
from ..conf.places import file_of
from ..console import Console
from ..exceptions import InvalidSettings

_QUIET = Console()


def every_database(*, console: Console = _QUIET) -> list[str]:
    """Return an alias for each of the site's databases, and report those that are left out.

    A database with several aliases is taken once, under the first of them: aliases of
    the same place with the same client, and those that Django's ``TEST["MIRROR"]`` calls
    copies of another. Raises ``InvalidSettings``.
    """
    settings = conf.load()
    chosen: dict[object, str] = {}
    for alias in conf.database_aliases():
        if alias in settings.rehearsal.values():
            continue  # it holds nothing but the last rehearsal
        twin = chosen.setdefault(_place(alias, settings), alias)
        if twin != alias:
            console.same_database(alias, twin)
    mirrors = {alias: _mirrored(alias) for alias in chosen.values()}
    wanted = []
    for alias in chosen.values():
        original = mirrors[alias]
        if original in mirrors and original != alias and mirrors[original] is None:
            console.same_database(alias, original)
        else:
            wanted.append(alias)
    return wanted


def require_databases(*, console: Console = _QUIET) -> list[str]:
    """Return what ``every_database()`` does, and raise ``InvalidSettings`` if there is none."""
    if found := every_database(console=console):
        return found
    raise InvalidSettings(
        "",
        "There is no database: DATABASES names none that is not for rehearsals",
        "Correct it, or name other settings with --settings.",
    )


def databases_named(names: Sequence[str] | None, *, console: Console = _QUIET) -> list[str]:
    """Return the aliases that are named, or those of ``require_databases()`` for ``None``."""
    return require_databases(console=console) if names is None else list(names)


def _place(alias: str, settings: Settings) -> object:
    """Return what is equal for two aliases only if their backups would be equal."""
    return repr((located(alias), settings.clients.get(alias, ClientSettings())))


def located(alias: str) -> object:
    """Return what is equal for two aliases only if they are the same database."""
    try:
        connection = connections[alias]
    except ImproperlyConfigured:
        return alias  # its backup fails, and says why
    known = connection.settings_dict
    name = known.get("NAME") or ""
    options = known.get("OPTIONS") or {}
    if connection.vendor == "sqlite":
        name = file_of(name)
        if name is None:
            return alias
    reached = [options.get(key) for key in ("service", "read_default_file", "unix_socket", "host")]
    place = (connection.vendor, known.get("HOST"), str(known.get("PORT") or ""), str(name))
    return repr((place, reached))


def _mirrored(alias: str) -> str | None:
    """Return the alias of which this one is a copy, as Django's tests know it."""
    try:
        test = connections[alias].settings_dict.get("TEST") or {}
    except ImproperlyConfigured:
        return None
    mirror = test.get("MIRROR")
    return str(mirror) if mirror else None
