"""A site whose one database is the gallery's, and the client for any engine."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_rclone.clients.orm import OrmClient
from django_rclone.testing import hash_rows
from tests.integration.clients.orm import exhibits
from tests.support.site import Site

ALIAS = "default"


class Hall:
    """A gallery to back up: by the commands of ``site``, or by the client itself."""

    def __init__(self, site: Site, database: dict[str, Any], *applications: str) -> None:
        self.site = site
        self.applications = applications
        site.databases = {ALIAS: database}
        site.rclone["CLIENTS"] = {ALIAS: {"BACKEND": exhibits.CLIENT}}
        settings = exhibits.settings_for(*applications)
        site.extra_settings = "\n".join(f"{key} = {value!r}" for key, value in settings.items())

    @contextmanager
    def open(self, *, rows: int = 30) -> Iterator["Hall"]:
        """Make and fill the database, and let the gallery be installed."""
        with self.site.active(), exhibits.gallery(*self.applications):
            exhibits.build(ALIAS)
            exhibits.fill(ALIAS, rows=rows)
            self.connection.close()
            yield self
            self.connection.close()

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """Django's connection to the database."""
        return connections[ALIAS]

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement, and return what it finds."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            found = cursor.fetchall() if cursor.description else []
        self.connection.close()
        return found

    def fingerprint(self) -> str:
        """Return a hash of all rows of each table."""
        found = hash_rows(self.connection)
        self.connection.close()
        return found

    def client(self, **options: Any) -> OrmClient:
        """Return a client for one operation."""
        return OrmClient(self.connection, **options)

    def dump(self, **options: Any) -> bytes:
        """Return a dump."""
        with self.client(**options) as client, client.dump(stall_timeout=None) as source:
            dump = b"".join(iter(lambda: source.read(10_000), b""))
            source.finish()
        return dump

    def restore(self, dump: bytes, **options: Any) -> None:
        """Restore a dump."""
        with self.client(**options) as client, client.restore() as target:
            target.write(dump)
            target.finish()
            target.swap()

    def diverge(self) -> None:
        """Change the rows."""
        exhibits.diverge(ALIAS)
        self.connection.close()


@contextmanager
def opened(site: Site, database: dict[str, Any], *applications: str) -> Iterator[Hall]:
    """Open a hall with its exhibits."""
    with Hall(site, database, *applications).open() as hall, closing(hall.connection):
        yield hall
