"""What an attacker gains, and what credentials are enough: the claims of the security model."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.faults.cell import Cell
from tests.faults.proxy import Trouble
from tests.support.site import DjangoSite

Make = Callable[[str, str, str], Cell]


@contextmanager
def forbidden(cell: Cell, *methods: bytes) -> Iterator[None]:
    """Let the credentials not do these requests of HTTP."""
    assert cell.endpoint.proxy is not None
    with cell.endpoint.proxy.trouble(Trouble(forbidden=methods)):
        yield


def dumps(site: DjangoSite) -> list[Path]:
    return [path for path in site.stored() if path.suffix != ".json"]


def refused(site: DjangoSite, *arguments: str) -> str:
    before = site.database.fingerprint()
    with pytest.raises(CommandError) as error:
        site.call("dbrestore", "--noinput", *arguments)
    assert site.database.fingerprint() == before
    return str(error.value)


# --------------------------------------------------------------------- credentials


def test_credentials_that_cannot_delete_do_for_backups(make_cell: Make) -> None:
    cell = make_cell("backup", "sqlite", "s3")
    with forbidden(cell, b"DELETE "):
        cell.run_here("dbbackup")
    assert len(cell.backups()) == 1


def test_credentials_that_cannot_delete_end_a_clean_up_and_keep_all_backups(
    make_cell: Make,
) -> None:
    cell = make_cell("retention", "sqlite", "s3")
    with forbidden(cell, b"DELETE "), pytest.raises(CommandError) as failed:
        cell.run_here(*cell.command)
    assert failed.value.returncode == 3
    assert "credentials" in str(failed.value)
    assert len(cell.backups()) == 2


def test_credentials_that_can_only_write_do_not_and_say_so(make_cell: Make) -> None:
    cell = make_cell("backup", "sqlite", "s3")
    with forbidden(cell, b"GET ", b"HEAD "), pytest.raises(CommandError, match="credentials"):
        cell.run_here("dbbackup")
    assert cell.backups() == []


def test_credentials_that_can_only_read_do_for_a_restore(make_cell: Make) -> None:
    cell = make_cell("restore", "sqlite", "s3")
    with forbidden(cell, b"PUT ", b"POST ", b"DELETE "):
        cell.run_here(*cell.command)
    assert cell.database.fingerprint() == cell.new


# --------------------------------------------------------- who can write the remote


def test_backups_cannot_be_swapped(site: DjangoSite) -> None:
    first = site.back_up()
    site.database.mutate()
    second = site.back_up()
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    for dump in (first, second):
        refused(site, "-i", dump.name)


def test_a_backup_cannot_be_renamed_to_be_the_newest(site: DjangoSite) -> None:
    old = site.back_up()
    site.database.mutate()
    new = site.back_up()
    shutil.copy(old, new)
    shutil.copy(f"{old}.json", f"{new}.json")
    assert "Refusing" in refused(site)


def test_a_forged_backup_is_refused_and_not_passed_over(site: DjangoSite) -> None:
    old = site.back_up()
    new = old.with_name(old.name.replace("default-20", "default-99", 1))
    with closing(sqlite3.connect(old.with_name("evil"))) as evil:
        evil.execute("CREATE TABLE evil (x)")
    shutil.move(old.with_name("evil"), new)
    manifest = json.loads(Path(f"{old}.json").read_text())
    manifest |= {"path": f"db/{new.name}", "size": new.stat().st_size}
    manifest["created_at"] = "2099-01-01T00:00:00+00:00"
    Path(f"{new}.json").write_text(json.dumps(manifest))
    assert "altered, or signed with another key" in refused(site)


def test_who_deletes_the_newest_makes_an_older_one_the_newest(site: DjangoSite) -> None:
    """This is not protected: the page says so."""
    before = site.database.fingerprint()
    site.back_up()
    site.database.mutate()
    new = site.back_up()
    new.unlink()
    Path(f"{new}.json").unlink()
    site.call("dbrestore", "--noinput")
    assert site.database.fingerprint() == before


@pytest.mark.parametrize(("hours", "blocks"), [(12, True), (36, False)])
def test_a_lock_that_somebody_forges_blocks_no_longer_than_a_day(
    site: DjangoSite, hours: int, blocks: bool
) -> None:
    """Who can write the remote can hold up what needs a lock, again and again."""
    site.back_up()
    (site.remote / "locks").mkdir()
    lease = {"token": "0" * 16, "operation": "db_restore", "host": "x", "pid": 1}
    until = datetime.now(UTC) + timedelta(hours=hours)
    lease |= {"since": "2020-01-01T00:00:00+00:00", "until": until.isoformat()}
    lock = site.remote / "locks" / f"default.db_restore.{'0' * 16}.json"
    lock.write_text(json.dumps(lease))
    if blocks:
        assert lock.name in refused(site), "the way out is told"
    else:
        site.call("dbrestore", "--noinput")
    site.call("dbbackup")


# ------------------------------------------------------------------------- the keys


def test_keys_are_rotated_by_a_fallback_and_then_the_old_one_goes(site: DjangoSite) -> None:
    site.rclone["SIGNING_KEY"] = "the old key"
    old = site.back_up()
    site.rclone |= {"SIGNING_KEY": "the new key", "SIGNING_KEY_FALLBACKS": ["the old key"]}
    new = site.back_up()
    assert [backup["verified"] for backup in site.backups()] == [True, True]
    site.call("dbrestore", "--noinput", "-i", old.name)
    del site.rclone["SIGNING_KEY_FALLBACKS"]
    verified = {backup["name"]: backup["verified"] for backup in site.backups()}
    assert verified == {old.name: False, new.name: True}
    assert "another key" in refused(site, "-i", old.name)


def test_a_lost_key_loses_no_backup(site: DjangoSite) -> None:
    site.rclone["SIGNING_KEY"] = "the old key"
    before = site.database.fingerprint()
    dump = site.back_up()
    site.database.mutate()
    site.rclone["SIGNING_KEY"] = "another key"
    refused(site)
    site.call("dbrestore", "--noinput", "-i", dump.name, "--unverified")
    assert site.database.fingerprint() == before


def test_a_clean_host_restores_with_settings_and_credentials_alone(site: DjangoSite) -> None:
    before = site.database.fingerprint()
    site.back_up()
    site.database.path.unlink()
    done = site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert site.database.fingerprint() == before
