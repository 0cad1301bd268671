"""Whether a database is one to rehearse in: a rehearsal replaces what is in it.

One that is empty is, and one that an earlier rehearsal has marked: it holds a table of that name
and nothing that is not in a backup.
"""

from contextlib import closing

from django.apps.registry import Apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ..backups.catalog import Catalog
from ..clients.base import DatabaseClient
from ..conf import Settings, database_aliases
from ..exceptions import InvalidSettings
from .databases import located

MARK = "django_rclone_rehearsal"


class _Mark(models.Model):
    """The table, which has no rows."""

    name = models.CharField(max_length=1, primary_key=True)

    class Meta:
        apps = Apps()
        app_label = "django_rclone"
        db_table = MARK

    def __str__(self) -> str:
        return self.name


def require_apart(other: str, catalog: Catalog, settings: Settings) -> None:
    """Raise ``InvalidSettings`` if the database ``other`` is another one, too, or has backups."""
    for alias in database_aliases():
        if alias != other and located(alias) == located(other):
            raise InvalidSettings(
                "REHEARSAL",
                f"would replace {alias!r}: {other!r} is the same database",
                "Let it name a database of its own, with nothing of value in it.",
            )
    for backup in catalog.read().of(other):
        if backup.verified and backup.environment == settings.environment:
            raise InvalidSettings(
                "REHEARSAL",
                f"would replace {other!r}, a database that has backups of its own, such as "
                f"{backup.name}",
                "Let it name a database with nothing of value in it, by an alias that was never "
                "backed up.",
            )


def require_ours(other: str, client: DatabaseClient) -> None:
    """Raise ``InvalidSettings`` if something in a database is neither of a rehearsal nor worthless.

    Raises ``ClientError`` or the driver's errors if it cannot be looked at.
    """
    if client.nothing_to_lose() or _is_marked(client.connection):
        return
    raise InvalidSettings(
        "REHEARSAL",
        f"would replace {other!r}, a database that is not empty, and that no rehearsal has filled",
        f"If nothing in it is of value, empty it, or tell so by a table: `CREATE TABLE {MARK} "
        "(name char(1) PRIMARY KEY)`.",
    )


def mark(connection: BaseDatabaseWrapper) -> str:
    """Mark what a rehearsal has just filled; return what kept it from that, if anything did."""
    own = connection.copy()
    own.settings_dict["AUTOCOMMIT"] = True
    try:
        with closing(own):
            if not _is_marked(own):
                with own.schema_editor() as editor:
                    editor.create_model(_Mark)
    except Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:500]
        return (
            f"The database to rehearse in could not be marked as such: {reason.rstrip('.')}. "
            "Empty it before the next rehearsal."
        )
    return ""


def _is_marked(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
    return connection.introspection.identifier_converter(MARK) in names
