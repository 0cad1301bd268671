"""Real operations in processes of their own: what each service receives, in order."""

import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.notify import services
from tests.notify.endpoints import SECRET
from tests.notify.services import Service
from tests.support.site import DjangoSite

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
def notified_site(service: Service, endpoint, site: DjangoSite) -> DjangoSite:
    """A site with one channel that gets every state."""
    channel = service.channel(
        endpoint,
        STATES=services.ALL_STATES,
        OPERATIONS=["db_backup", "db_restore"],
        TIMEOUT=30,
    )
    cache = {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(site.folder / "cache"),
    }
    site.extra_settings = (
        f"DJANGO_RCLONE_NOTIFY = {{'ops': {channel!r}}}\nCACHES = {{'default': {cache!r}}}\n"
        + endpoint.settings
    )
    return site


def run(site: DjangoSite, *arguments: str) -> int:
    process = site.manage(*arguments)
    assert "Traceback" not in process.stderr
    assert "not notified" not in process.stderr
    assert SECRET not in process.stdout + process.stderr
    return process.returncode


def test_successful_backup(notified_site: DjangoSite, endpoint) -> None:
    assert run(notified_site, "dbbackup") == 0
    assert endpoint.states() == ["started", "succeeded"]


def test_failed_backup_and_the_recovery(
    notified_site: DjangoSite, service: Service, endpoint
) -> None:
    database = notified_site.database.path
    database.rename(database.with_suffix(".away"))
    assert run(notified_site, "dbbackup") == 1
    assert endpoint.states() == ["started", "failed"]

    database.with_suffix(".away").rename(database)
    assert run(notified_site, "dbbackup") == 0
    last = "succeeded" if service.heartbeat else "recovered"
    assert endpoint.states() == ["started", "failed", "started", last]


def test_vetoed_restore(notified_site: DjangoSite, service: Service, endpoint) -> None:
    notified_site.back_up()
    notified_site.extra_settings += VETO
    assert run(notified_site, "dbrestore", "--noinput") == 4
    assert endpoint.states() == ["started", "failed"]
    received = endpoint.received()
    assert (
        not service.sends_cause or b"not on a Friday" in received or b"OperationVetoed" in received
    )


def test_backup_stopped_by_sigterm(notified_site: DjangoSite, endpoint) -> None:
    with closing(sqlite3.connect(notified_site.database.path)) as connection, connection:
        connection.execute("CREATE TABLE noise AS SELECT randomblob(4000000) AS noise")
    notified_site.rclone["RCLONE_FLAGS"] = ["--bwlimit=500k"]
    process = notified_site.start("dbbackup")
    while "started" not in endpoint.states():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 143, errors
    assert "Traceback" not in errors
    assert "not notified" not in errors
    assert endpoint.states() == ["started", "failed"]
