"""Generated models come back exactly, into whatever the live rows have become.

The client is used without a remote, so that there is time for many examples.
"""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import models
from django.test import override_settings

from tests.integration.clients.orm.generated_models import (
    LABEL,
    Plan,
    add_rows,
    create_tables,
    generated,
    plans,
)
from tests.integration.clients.orm.orm_site import ALIAS, OrmSite
from tests.integration.clients.sqlite.generated import by_vendor
from tests.support.databases import SqliteDatabase
from tests.support.generated.campaign import assert_same, batches, run_batch
from tests.support.site import DjangoSite


def vendor_lines(path: Path) -> str:
    """Return the lines of a dump in any order, but for the counters, which are made anew."""
    lines = by_vendor(path).splitlines()
    return "\n".join(sorted(line for line in lines if "sqlite_sequence" not in line))


def empty(orm_site: OrmSite, made: list[Any]) -> None:
    """Drop the tables of the models, and create them again."""
    with orm_site.connection.schema_editor() as editor:
        for model in reversed(made):
            editor.delete_model(model)
    create_tables(made, ALIAS)


def round_trip(orm_site: OrmSite, path: Path, chosen: list[Plan], made: list[Any]) -> None:
    add_rows(chosen, made, ALIAS)
    before = vendor_lines(path)
    with orm_site.client() as client:
        client.check_dump()
        client.dump_warnings()
    dump = orm_site.dump()
    for model in reversed(made):
        rows: Any = models.QuerySet(model, using=ALIAS)
        rows.filter(pk__in=[row.pk for row in rows.order_by("pk")[:1]]).delete()
    add_rows(chosen, made, ALIAS, shift=1001)
    orm_site.connection.close()
    diverged = vendor_lines(path)
    with orm_site.client() as client, client.restore() as target:
        target.write(dump[: len(dump) * 2 // 3])
    assert_same(vendor_lines(path), diverged, "an interrupted restore changed the rows")
    orm_site.restore(dump)
    assert_same(vendor_lines(path), before, "restored over changed rows, they differ")
    assert orm_site.dump() == dump
    empty(orm_site, made)
    orm_site.connection.close()
    orm_site.restore(dump)
    assert_same(vendor_lines(path), before, "restored into empty tables, they differ")


@batches()
@pytest.mark.timeout(3600)
def test_generated_models_come_back(
    site: DjangoSite, sqlite: SqliteDatabase, first: int, count: int
) -> None:
    path = sqlite.path
    orm_site = OrmSite(site, sqlite.settings)

    def check(chosen: list[Plan]) -> None:
        with generated(chosen, ALIAS) as made:
            try:
                round_trip(orm_site, path, chosen, made)
            finally:
                orm_site.connection.close()
                path.unlink()
                call_command("migrate", database=ALIAS, verbosity=0)

    # The smallest site, so that there is time for more examples.
    with site.active(), override_settings(INSTALLED_APPS=[f"django.contrib.{LABEL}"]):
        call_command("migrate", database=ALIAS, verbosity=0)
        run_batch(first, count, plans(), check)
        orm_site.connection.close()
