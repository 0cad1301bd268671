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

from tests.faults.bench import Bench
from tests.faults.proxy import Trouble
from tests.support.site import Site, diverge, fingerprint

Make = Callable[[str, str, str], Bench]


@contextmanager
def forbidden(bench: Bench, *methods: bytes) -> Iterator[None]:
    """Let the credentials not do these requests of HTTP."""
    assert bench.place.proxy is not None
    with bench.place.proxy.trouble(Trouble(forbidden=methods)):
        yield


def dumps(site: Site) -> list[Path]:
    return [path for path in site.stored() if path.suffix != ".json"]


def refused(site: Site, *arguments: str) -> str:
    before = fingerprint(site.database())
    with pytest.raises(CommandError) as error:
        site.call("dbrestore", "--noinput", *arguments)
    assert fingerprint(site.database()) == before
    return str(error.value)


# --------------------------------------------------------------------- credentials


def test_credentials_that_cannot_delete_do_for_backups(make_bench: Make) -> None:
    bench = make_bench("backup", "sqlite", "s3")
    with forbidden(bench, b"DELETE "):
        bench.run_here("dbbackup")
    assert len(bench.backups()) == 1


def test_credentials_that_cannot_delete_end_a_clean_up_and_keep_all_backups(
    make_bench: Make,
) -> None:
    bench = make_bench("retention", "sqlite", "s3")
    with forbidden(bench, b"DELETE "), pytest.raises(CommandError) as failed:
        bench.run_here(*bench.command)
    assert failed.value.returncode == 3
    assert "credentials" in str(failed.value)
    assert len(bench.backups()) == 2


def test_credentials_that_can_only_write_do_not_and_say_so(make_bench: Make) -> None:
    bench = make_bench("backup", "sqlite", "s3")
    with forbidden(bench, b"GET ", b"HEAD "), pytest.raises(CommandError, match="credentials"):
        bench.run_here("dbbackup")
    assert bench.backups() == []


def test_credentials_that_can_only_read_do_for_a_restore(make_bench: Make) -> None:
    bench = make_bench("restore", "sqlite", "s3")
    with forbidden(bench, b"PUT ", b"POST ", b"DELETE "):
        bench.run_here(*bench.command)
    assert bench.engine.fingerprint() == bench.new


# --------------------------------------------------------- who can write the remote


def test_backups_cannot_be_swapped(site: Site) -> None:
    first = site.back_up()
    diverge(site.database())
    second = site.back_up()
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    for dump in (first, second):
        refused(site, "-i", dump.name)


def test_a_backup_cannot_be_renamed_to_be_the_newest(site: Site) -> None:
    old = site.back_up()
    diverge(site.database())
    new = site.back_up()
    shutil.copy(old, new)
    shutil.copy(f"{old}.json", f"{new}.json")
    assert "refused" in refused(site)


def test_a_forged_backup_is_refused_and_not_passed_over(site: Site) -> None:
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


def test_who_deletes_the_newest_makes_an_older_one_the_newest(site: Site) -> None:
    """This is not protected: the page says so."""
    before = fingerprint(site.database())
    site.back_up()
    diverge(site.database())
    new = site.back_up()
    new.unlink()
    Path(f"{new}.json").unlink()
    site.call("dbrestore", "--noinput")
    assert fingerprint(site.database()) == before


@pytest.mark.parametrize(("hours", "blocks"), [(12, True), (36, False)])
def test_a_lock_that_somebody_forges_blocks_no_longer_than_a_day(
    site: Site, hours: int, blocks: bool
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


def test_keys_are_rotated_by_a_fallback_and_then_the_old_one_goes(site: Site) -> None:
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


def test_a_lost_key_loses_no_backup(site: Site) -> None:
    site.rclone["SIGNING_KEY"] = "the old key"
    before = fingerprint(site.database())
    dump = site.back_up()
    diverge(site.database())
    site.rclone["SIGNING_KEY"] = "another key"
    refused(site)
    site.call("dbrestore", "--noinput", "-i", dump.name, "--unverified")
    assert fingerprint(site.database()) == before


def test_a_clean_host_restores_with_settings_and_credentials_alone(site: Site) -> None:
    before = fingerprint(site.database())
    site.back_up()
    site.database().unlink()
    done = site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert fingerprint(site.database()) == before
