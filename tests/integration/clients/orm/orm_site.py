"""A site whose one database holds the sample models, and the client for any engine."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_rclone.clients.orm import OrmClient
from django_rclone.testing import hash_rows
from tests.integration.clients.orm import sample_data
from tests.support.site import DjangoSite

ALIAS = "default"


class OrmSite:
    """Backed up by the commands of ``site``, or by the client itself."""

    def __init__(self, site: DjangoSite, database: dict[str, Any], *applications: str) -> None:
        self.site = site
        self.applications = applications
        site.databases = {ALIAS: database}
        site.rclone["CLIENTS"] = {ALIAS: {"BACKEND": sample_data.CLIENT}}
        settings = sample_data.settings_for(*applications)
        site.extra_settings = "\n".join(f"{key} = {value!r}" for key, value in settings.items())

    @contextmanager
    def open(self, *, rows: int = 30) -> Iterator["OrmSite"]:
        """Create and fill the database, with the sample models installed."""
        with self.site.active(), sample_data.installed(*self.applications):
            sample_data.create_tables(ALIAS)
            sample_data.add_rows(ALIAS, rows=rows)
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

    def mutate(self) -> None:
        """Change the rows."""
        sample_data.mutate(ALIAS)
        self.connection.close()


@contextmanager
def opened(site: DjangoSite, database: dict[str, Any], *applications: str) -> Iterator[OrmSite]:
    """Open a orm_site with its sample_data."""
    with OrmSite(site, database, *applications).open() as orm_site, closing(orm_site.connection):
        yield orm_site
