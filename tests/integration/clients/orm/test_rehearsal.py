"""A backup of any engine is rehearsed in another database, and the live one is not touched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.clients.orm import sample_data
from tests.integration.clients.orm.orm_site import OrmSite
from tests.support.databases import SqliteDatabase
from tests.support.rehearsals import Mend, require_found
from tests.support.site import DjangoSite

CLIENT = "django_rclone.clients.orm"
MENDS = {
    "a column without a field": Mend(
        made=["ALTER TABLE sample_models_stamped ADD COLUMN extra integer"],
        breaks={f"{CLIENT}.client.without_field": lambda columns: []},
        complaint=r"column sample_models_stamped\.extra is missing",
    ),
    "rows left out that others refer to": Mend(
        options={"exclude_data": ["sample_models.Tag"]},
        breaks={f"{CLIENT}.client.require_closed_exclusions": lambda *_: None},
        complaint="violate a constraint of the database",
    ),
}


@pytest.fixture
def rehearsing(site: DjangoSite, tmp_path: Path) -> Iterator[DjangoSite]:
    """A site with a second database, which has the same tables."""
    files = [tmp_path / name / "db.sqlite3" for name in ("live", "rehearsal")]
    for file in files:
        file.parent.mkdir()
    live, rehearsal = map(SqliteDatabase, files)
    orm_site = OrmSite(site, live.settings)
    site.database = live
    site.databases["rehearsal"] = rehearsal.settings
    site.rclone["REHEARSAL"] = {"default": "rehearsal"}
    site.rclone["CLIENTS"]["default"]["OPTIONS"] = live.options
    site.rclone["CLIENTS"]["rehearsal"] = {"BACKEND": sample_data.CLIENT}
    with orm_site.open():
        sample_data.create_tables("rehearsal")
        rehearsal.run("CREATE TABLE django_rclone_rehearsal (name char(1) PRIMARY KEY)")
        yield site


@pytest.mark.thorough
@pytest.mark.parametrize("mend", MENDS.values(), ids=MENDS)
def test_what_a_broken_mend_lets_through_is_found(
    rehearsing: DjangoSite, monkeypatch: pytest.MonkeyPatch, mend: Mend
) -> None:
    rehearsing.back_up("-d", "default")
    rehearsing.call("dbverify", "-d", "default")
    require_found(rehearsing, mend, monkeypatch)
