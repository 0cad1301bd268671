"""What the site's own receivers do, with real commands and a real web server."""

import hashlib
import re
import time
from pathlib import Path

import pytest

from tests.support.example_site import SITE_DIR, ExampleSite
from tests.support.http_server import Answer, LoopbackServer, refusing_url

SERVICES = {"SLACK_WEBHOOK_URL": "Slack", "HEALTHCHECK_URL": "The health check"}


def stored_backups(site: ExampleSite) -> list[Path]:
    return [path for path in site.remote.glob("db/*") if path.suffix != ".json"]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_ready_connects_the_receivers(empty_site: ExampleSite) -> None:
    code = """
from django_rclone.signals import post_db_backup, post_db_restore, pre_db_restore
for signal in post_db_backup, post_db_restore, pre_db_restore:
    receivers = [r for found in signal._live_receivers(None) for r in found]
    print(*sorted(r.__name__ for r in receivers if r.__module__ == "journal.receivers"))
"""
    output = empty_site.attempt("shell", "--no-imports", "-c", code).stdout

    assert output.splitlines() == [
        "log_backup notify_slack ping_healthcheck",
        "log_restore",
        "confirm_restore",
    ]


def test_a_backup_is_logged_with_its_path(site: ExampleSite) -> None:
    output = site.manage("dbbackup")

    [stored] = stored_backups(site)
    assert f"[INFO] backups: Database 'default' backed up to db/{stored.name}" in output


def test_a_restore_is_logged(site: ExampleSite) -> None:
    site.manage("dbbackup")

    output = site.manage("dbrestore", "--noinput", ALLOW_RESTORE="1")

    assert "[INFO] backups: Database 'default' restored" in output


def test_slack_receives_what_was_stored_and_where(
    site: ExampleSite, server: LoopbackServer
) -> None:
    site.manage("dbbackup", SLACK_WEBHOOK_URL=f"{server.url}/services/T0/B0/secret")

    [request] = server.requests
    [stored] = stored_backups(site)
    assert (request.method, request.path) == ("POST", "/services/T0/B0/secret")
    assert request.headers["content-type"] == "application/json"
    assert request.json() == {"text": f"Database `default` backed up to `db/{stored.name}`"}


def test_the_health_check_is_pinged_once(site: ExampleSite, server: LoopbackServer) -> None:
    site.manage("dbbackup", HEALTHCHECK_URL=f"{server.url}/some-uuid")

    [request] = server.requests
    assert (request.method, request.target, request.body) == ("GET", "/some-uuid", b"")


def test_a_failed_backup_pings_nobody(site: ExampleSite, server: LoopbackServer) -> None:
    site.database.write_bytes(b"SQLite format 3\0" + b"not a database at all" * 500)

    process = site.attempt("dbbackup", HEALTHCHECK_URL=server.url, SLACK_WEBHOOK_URL=server.url)

    assert process.returncode != 0
    assert server.requests == []
    assert stored_backups(site) == []


def test_without_addresses_nothing_is_sent(site: ExampleSite, server: LoopbackServer) -> None:
    proxy = {"http_proxy": server.url, "https_proxy": server.url}

    site.manage("dbbackup", **proxy)

    assert server.requests == []


@pytest.mark.parametrize("variable", SERVICES)
def test_an_unreachable_service_costs_a_warning_that_hides_the_address(
    site: ExampleSite, variable: str
) -> None:
    with refusing_url() as url:
        output = site.manage("dbbackup", **{variable: f"{url}/secret"})

    assert (
        f"[WARNING] backups: {SERVICES[variable]} could not be reached: ConnectionError" in output
    )
    assert "secret" not in output
    assert len(stored_backups(site)) == 1


@pytest.mark.parametrize("variable", SERVICES)
def test_a_refusing_service_costs_a_warning_that_hides_the_address(
    site: ExampleSite, server: LoopbackServer, variable: str
) -> None:
    server.always_answer(404)

    output = site.manage("dbbackup", **{variable: f"{server.url}/secret"})

    assert f"[WARNING] backups: {SERVICES[variable]} answered 404" in output
    assert "secret" not in output
    assert len(stored_backups(site)) == 1


@pytest.mark.parametrize("variable", SERVICES)
def test_a_hanging_service_is_left_alone_in_time(
    site: ExampleSite, server: LoopbackServer, variable: str
) -> None:
    server.always_answer(Answer(hang=True))
    started = time.monotonic()

    output = site.manage("dbbackup", WEBHOOK_TIMEOUT="0.3", **{variable: server.url})

    assert time.monotonic() - started < 30
    assert f"[WARNING] backups: {SERVICES[variable]} could not be reached: ReadTimeout" in output
    assert len(stored_backups(site)) == 1


@pytest.mark.parametrize("permission", [None, "", "0", "no"])
def test_the_guard_forbids_a_restore_and_nothing_changes(
    site: ExampleSite, permission: str | None
) -> None:
    site.manage("dbbackup")
    site.manage("damage", "--yes")
    before = digest(site.database)
    environment = {} if permission is None else {"ALLOW_RESTORE": permission}

    process = site.attempt("dbrestore", "--noinput", **environment)

    assert process.returncode == 4
    assert "confirm_restore" in process.stderr
    assert "Set ALLOW_RESTORE=1" in process.stderr
    assert digest(site.database) == before


def test_the_guard_lets_an_allowed_restore_pass(site: ExampleSite) -> None:
    original = site.fingerprint()
    site.manage("dbbackup")
    site.manage("mediabackup")
    site.manage("damage", "--yes")

    site.manage("dbrestore", "--noinput", ALLOW_RESTORE="1")
    site.manage("mediarestore", "--noinput", "--delete")

    assert site.fingerprint() == original


def test_no_address_is_written_in_the_code() -> None:
    sources = [path.read_text() for path in (SITE_DIR / "journal").rglob("*.py")]

    assert not any(re.search(r"https?://(?!www\.w3\.org)", source) for source in sources)
