"""Real operations in processes of their own: what each service is told, in order, once."""

import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.notify import services
from tests.notify.places import SECRET, Service
from tests.support.site import Site

pytestmark = pytest.mark.parametrize(
    "service", [*services.ALL, services.LOGGING], ids=lambda service: service.name
)

VETO = """
def forbid(sender, **kwargs):
    raise RuntimeError("not on a Friday")

from django_rclone.signals import pre_db_restore
pre_db_restore.connect(forbid)
"""


@pytest.fixture
def told_site(service: Service, place, site: Site) -> Site:
    """A site with one channel that wants to hear everything."""
    channel = service.channel(
        place,
        STATES=services.EVERY_STATE,
        OPERATIONS=["db_backup", "db_restore"],
        TIMEOUT=30,
    )
    cache = {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(site.folder / "cache"),
    }
    site.extra_settings = (
        f"DJANGO_RCLONE_NOTIFY = {{'ops': {channel!r}}}\nCACHES = {{'default': {cache!r}}}\n"
        + place.settings
    )
    return site


def run(site: Site, *arguments: str) -> int:
    process = site.manage(*arguments)
    assert "Traceback" not in process.stderr
    assert "not notified" not in process.stderr
    assert SECRET not in process.stdout + process.stderr
    return process.returncode


def test_backup_that_succeeds(told_site: Site, place) -> None:
    assert run(told_site, "dbbackup") == 0
    assert place.told() == ["started", "succeeded"]


def test_backup_that_fails_and_the_next_that_succeeds(
    told_site: Site, service: Service, place
) -> None:
    database = told_site.database()
    database.rename(database.with_suffix(".away"))
    assert run(told_site, "dbbackup") == 1
    assert place.told() == ["started", "failed"]

    database.with_suffix(".away").rename(database)
    assert run(told_site, "dbbackup") == 0
    last = "succeeded" if service.heartbeat else "recovered"
    assert place.told() == ["started", "failed", "started", last]


def test_restore_that_is_vetoed(told_site: Site, service: Service, place) -> None:
    told_site.back_up()
    told_site.extra_settings += VETO
    assert run(told_site, "dbrestore", "--noinput") == 4
    assert place.told() == ["started", "failed"]
    arrived = place.arrived()
    assert not service.tells_why or b"not on a Friday" in arrived or b"OperationVetoed" in arrived


def test_backup_that_is_stopped_by_sigterm(told_site: Site, place) -> None:
    with closing(sqlite3.connect(told_site.database())) as connection, connection:
        connection.execute("CREATE TABLE noise AS SELECT randomblob(4000000) AS noise")
    told_site.rclone["RCLONE_FLAGS"] = ["--bwlimit=500k"]
    process = told_site.start("dbbackup")
    while "started" not in place.told():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert "Traceback" not in errors
    assert "not notified" not in errors
    assert place.told() == ["started", "failed"]
