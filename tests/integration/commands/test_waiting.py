"""A wait is never silent: what is tried again, and what stays at ``--verbosity 0``."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from django_rclone.rclone import requests
from tests.support.http_server import refusing_url
from tests.support.site import DjangoSite

AGAIN = "The remote does not answer as it should (connection refused); trying again"


@pytest.fixture
def unreachable(site: DjangoSite) -> DjangoSite:
    """A site whose remote is at a port where nobody listens."""
    with refusing_url() as url:
        options = {"provider": "Other", "endpoint": url, "access_key_id": "a"}
        options["secret_access_key"] = "b"
    site.rclone["REMOTES"] = {"backups": {"TYPE": "s3", "OPTIONS": options}}
    site.rclone["REMOTE"] = "backups:bucket/site"
    site.rclone["RETRIES"] = 1
    site.rclone["RCLONE_FLAGS"] = ["--low-level-retries=1"]
    return site


@pytest.mark.parametrize("command", [["dbbackup"], ["listbackups", "--json"]])
def test_a_remote_that_does_not_answer_is_said_before_the_end(
    command: list[str], unreachable: DjangoSite
) -> None:
    process = unreachable.start(*command)
    assert process.stderr is not None
    first = process.stderr.readline()
    seen_at = time.monotonic()
    out, err = process.communicate(timeout=240)
    assert first.strip() == f"{AGAIN} (1 of 1)."
    assert process.returncode == 1
    assert "connection refused" in err
    assert time.monotonic() - seen_at >= requests._BACKOFF_SECONDS
    # What was asked for is not mixed with it.
    assert AGAIN not in out


def test_at_verbosity_0_only_the_error_is_said(unreachable: DjangoSite) -> None:
    done = unreachable.manage("dbbackup", "--verbosity", "0")
    assert done.returncode == 1
    assert AGAIN not in done.stderr
    assert "connection refused" in done.stderr


def test_warnings_stay_at_verbosity_0(site: DjangoSite) -> None:
    site.extra_settings = (
        "from django_rclone.signals import post_db_backup\n"
        "def broken(**kwargs):\n"
        "    raise RuntimeError('out of order')\n"
        "post_db_backup.connect(broken)\n"
    )
    done = site.manage("dbbackup", "--verbosity", "0")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("Warning: site_settings.broken, a receiver of post_db_backup")


def test_a_restore_that_gives_way_to_another_says_so(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_rclone.locks import lease
    from django_rclone.rclone import waits

    heard: list[str] = []
    site.call("dbbackup")
    (backup,) = json.loads(site.call("listbackups", "--json"))
    other = lease.Lease(
        token="0123456789abcdef",
        operation="db_restore",
        database="default",
        host="another",
        pid=1,
        since=datetime.now(UTC),
        until=datetime.now(UTC) + lease.EXPIRY,
    )
    answers = iter([None, other, None])
    monkeypatch.setattr(lease._Lock, "other_holder", lambda *arguments: next(answers))
    with waits.shown(heard.append):
        site.restore("-i", backup["name"])
    assert heard == [
        "Another db_restore of 'default' starts on host another at this moment; trying again."
    ]
    assert Path(site.database.path).exists()
