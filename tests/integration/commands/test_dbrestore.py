"""A restore makes the live database equal the backup, or leaves it as it was."""

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection as django_connection
from django.db import transaction

from django_rclone.clients.sqlite.client import SqliteClient
from django_rclone.signals import pre_db_restore
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite, snapshot


class OtherFormat(SqliteClient):
    format = "other"


@pytest.mark.parametrize("journal_mode", ["DELETE", "WAL"])
@pytest.mark.parametrize("page_size", [4096, 8192])
def test_a_changed_database_equals_the_backup_and_open_connections_see_it(
    site: DjangoSite, journal_mode: str, page_size: int
) -> None:
    before = site.database.fingerprint()
    site.call("dbbackup")
    with closing(sqlite3.connect(site.database.path)) as live:
        live.execute(f"PRAGMA page_size = {page_size}")
        live.execute("VACUUM")
        live.execute(f"PRAGMA journal_mode = {journal_mode}")
    site.database.mutate()
    with closing(sqlite3.connect(site.database.path)) as other:
        assert other.execute("SELECT count(*) FROM later").fetchone() == (1,)
        site.call("dbrestore", "--noinput")
        assert other.execute("SELECT count(*) FROM entry").fetchone() == (500,)
        assert not other.execute("SELECT 1 FROM sqlite_master WHERE name = 'later'").fetchall()
        assert other.execute("PRAGMA journal_mode").fetchone() == (journal_mode.lower(),)
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert site.database.fingerprint() == before


def test_a_restore_waits_for_no_reader_in_wal_mode(site: DjangoSite) -> None:
    before = site.database.fingerprint()
    site.call("dbbackup")
    with closing(sqlite3.connect(site.database.path, isolation_level=None)) as reader:
        reader.execute("PRAGMA journal_mode = WAL")
        site.database.mutate()
        reader.execute("BEGIN")
        seen = reader.execute("SELECT count(*) FROM entry").fetchone()
        site.call("dbrestore", "--noinput")
        assert reader.execute("SELECT count(*) FROM entry").fetchone() == seen
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM entry").fetchone() == (500,)
    assert site.database.fingerprint() == before


def test_a_restore_says_how_much_came_back(site: DjangoSite) -> None:
    site.call("dbbackup")
    assert re.search(r"Restored database 'default' in .* s: 500 rows of 1 table\.", site.restore())


def test_django_sees_the_restored_rows_at_once(site: DjangoSite) -> None:
    site.call("dbbackup")
    with django_connection.cursor() as cursor:
        cursor.execute("DELETE FROM entry")
    site.call("dbrestore", "--noinput")
    with django_connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM entry")
        assert cursor.fetchone() == (500,)


def test_indexes_and_triggers_and_views_come_back(site: DjangoSite) -> None:
    with closing(sqlite3.connect(site.database.path)) as live, live:
        live.execute("CREATE INDEX by_title ON entry (upper(title)) WHERE id > 3")
        live.execute("CREATE VIEW short AS SELECT title FROM entry WHERE id < 9")
        live.execute("CREATE TABLE log (what TEXT)")
        live.execute(
            "CREATE TRIGGER note AFTER DELETE ON entry BEGIN INSERT INTO log VALUES ('x'); END"
        )
        live.execute("CREATE TABLE twice (n INTEGER, double INTEGER AS (n * 2) STORED)")
        live.execute("INSERT INTO twice (n) VALUES (4)")
    before = site.database.fingerprint()
    site.call("dbbackup")
    with closing(sqlite3.connect(site.database.path)) as live, live:
        for statement in ("DROP INDEX by_title", "DROP VIEW short", "DROP TRIGGER note"):
            live.execute(statement)
    site.call("dbrestore", "--noinput")
    assert site.database.fingerprint() == before


def test_indexes_on_functions_that_django_defines_are_checked_with_them(site: DjangoSite) -> None:
    with django_connection.cursor() as cursor:
        cursor.execute("CREATE INDEX by_hash ON entry (MD5(title))")
    site.call("dbbackup")
    site.call("dbrestore", "--noinput")


def test_init_command_and_connection_created_do_not_touch_the_dump(site: DjangoSite) -> None:
    site.databases["default"]["OPTIONS"] = {"init_command": "PRAGMA journal_mode = WAL"}
    site.rclone["COMPRESSION"] = None
    dump = site.back_up()
    assert dump.read_bytes()[18:20] == b"\x01\x01"
    site.call("dbrestore", "--noinput")


def test_a_missing_live_database_is_made(site: DjangoSite) -> None:
    before = site.database.fingerprint()
    site.call("dbbackup")
    site.database.path.unlink()
    site.call("dbrestore", "--noinput")
    assert site.database.fingerprint() == before
    assert site.database.path.stat().st_mode & 0o777 == 0o644


def test_a_ruined_live_database_is_set_aside_and_replaced(site: DjangoSite) -> None:
    before = site.database.fingerprint()
    site.call("dbbackup")
    ruin = b"not a database at all" * 500
    site.database.path.write_bytes(ruin)
    Path(f"{site.database.path}-wal").write_bytes(b"a stale log")
    site.call("dbrestore", "--noinput")
    assert site.database.fingerprint() == before
    (aside,) = site.folder.glob("default.sqlite3.damaged-*[0-9]")
    assert aside.read_bytes() == ruin
    assert not Path(f"{site.database.path}-wal").exists()


def test_an_inner_damage_of_the_live_database_is_mended(site: DjangoSite) -> None:
    before = site.database.fingerprint()
    site.call("dbbackup")
    content = bytearray(site.database.path.read_bytes())
    content[4096:4200] = b"\xff" * 104
    site.database.path.write_bytes(content)
    site.call("dbrestore", "--noinput")
    assert site.database.fingerprint() == before


def test_the_newest_backup_is_the_default_and_any_can_be_named(site: DjangoSite) -> None:
    states = []
    names = []
    for _ in range(2):
        states.append(site.database.fingerprint())
        names.append(site.back_up().name)
        with closing(sqlite3.connect(site.database.path)) as live, live:
            live.execute("INSERT INTO entry (title) VALUES ('more')")
    site.call("dbrestore", "--noinput")
    assert site.database.fingerprint() == states[1]
    site.call("dbrestore", "--noinput", "-i", names[0])
    assert site.database.fingerprint() == states[0]
    site.call("dbrestore", "--noinput", "-i", f"db/{names[1]}")
    assert site.database.fingerprint() == states[1]


def test_no_private_file_is_left_next_to_the_live_database(site: DjangoSite) -> None:
    site.call("dbbackup")
    before = {path.name for path in site.folder.iterdir()}
    site.call("dbrestore", "--noinput")
    assert {path.name for path in site.folder.iterdir()} == before


def refused(site: DjangoSite, recorder: SignalRecorder | None, *arguments: str) -> str:
    """Run a restore that must not happen; check that the site is as it was."""
    before = snapshot(site.folder)
    with pytest.raises(CommandError) as error:
        site.call("dbrestore", "--noinput", *arguments)
    assert snapshot(site.folder) == before
    if recorder is not None:
        assert "post_db_restore" not in recorder.names
    return str(error.value)


@pytest.mark.parametrize("where", [0, 0.5, -1])
def test_a_flipped_byte_is_refused(
    site: DjangoSite, recorder: SignalRecorder, where: float
) -> None:
    dump = site.back_up()
    content = bytearray(dump.read_bytes())
    content[int(len(content) * where) if where >= 0 else -1] ^= 0x40
    dump.write_bytes(content)
    site.database.mutate()
    text = refused(site, recorder)
    assert "altered" in text or "decompress" in text or "damaged" in text
    assert "Choose another backup with -i. `manage.py dbverify --all --remote-only`" in text
    assert text.endswith("\nDatabase 'default' is unchanged.")


@pytest.mark.parametrize("compression", ["zstd", None])
@pytest.mark.parametrize("keep", [0, 1, 0.5, -1])
def test_a_truncated_or_empty_object_is_refused(
    site: DjangoSite, recorder: SignalRecorder, compression: str | None, keep: float
) -> None:
    site.rclone["COMPRESSION"] = compression
    dump = site.back_up()
    content = dump.read_bytes()
    size = int(len(content) * keep) if 0 < keep < 1 else int(keep)
    dump.write_bytes(content[:size])
    site.database.mutate()
    text = refused(site, recorder)
    assert "bytes, its manifest says" in text
    assert recorder.names == ["pre_db_backup", "post_db_backup"]
    assert "-d" in text or "--unverified" in text


def test_a_truncation_that_comes_after_the_check_is_refused_too(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    dump = site.back_up()
    site.database.mutate()
    content = dump.read_bytes()

    def truncate(**kwargs: object) -> None:
        dump.write_bytes(content[:-1])

    pre_db_restore.connect(truncate)
    try:
        before = site.database.fingerprint()
        with pytest.raises(CommandError, match=r"truncated|altered"):
            site.call("dbrestore", "--noinput")
        assert site.database.fingerprint() == before
    finally:
        pre_db_restore.disconnect(truncate)
    assert recorder.events[-1].target_state == "unchanged"


def test_a_backup_without_its_manifest_is_not_listed(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    dump = site.back_up()
    Path(f"{dump}.json").unlink()
    assert "There is no backup of database 'default'" in refused(site, recorder)
    assert "it has no manifest" in refused(site, recorder, "-i", dump.name)


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"version": 1}', b"\xff\x00"])
def test_an_unreadable_manifest_is_refused(
    site: DjangoSite, recorder: SignalRecorder, content: bytes
) -> None:
    dump = site.back_up()
    Path(f"{dump}.json").write_bytes(content)
    refused(site, recorder)
    assert "manifest" in refused(site, recorder, "-i", dump.name)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("created_at", "2999-01-01T00:00:00+00:00"),
        ("database", "other"),
        ("sha256", "0" * 64),
        ("environment", "production"),
        ("compression", None),
        ("raw_size", 1),
        ("signature", "x"),
    ],
)
def test_an_altered_manifest_is_refused(
    site: DjangoSite, recorder: SignalRecorder, field: str, value: object
) -> None:
    dump = site.back_up()
    manifest = Path(f"{dump}.json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), field: value}) + "\n")
    text = refused(site, recorder, "-i", dump.name)
    assert "its manifest was altered, or signed with another key" in text


def test_an_altered_newest_backup_is_not_passed_over_in_silence(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.back_up()
    newest = site.back_up()
    newest.write_bytes(newest.read_bytes() + b"x")
    assert newest.name in refused(site, recorder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"size":', '"sizf":'),
        ('"database":"default"', '"database":"defaulu"'),
        ('"environment":""', '"environment":"x"'),
        ('"path":"db/', '"path":"dc/'),
    ],
)
def test_an_altered_newest_manifest_does_not_let_an_older_backup_be_taken(
    site: DjangoSite, recorder: SignalRecorder, old: str, new: str
) -> None:
    site.back_up()
    newest = site.back_up()
    manifest = Path(f"{newest}.json")
    assert old in manifest.read_text()
    manifest.write_text(manifest.read_text().replace(old, new))
    assert site.backups()[0]["name"] == newest.name
    assert not site.backups()[0]["verified"]
    assert newest.name in refused(site, recorder)


def test_an_empty_strangers_dump_is_refused(site: DjangoSite, recorder: SignalRecorder) -> None:
    folder = site.remote / "db"
    folder.mkdir()
    (folder / "empty.sqlite3").touch()
    assert "is empty" in refused(site, recorder, "-i", "empty.sqlite3", "--unverified")


def test_a_log_left_by_a_lost_database_is_not_replayed_into_the_restored_one(
    site: DjangoSite,
) -> None:
    before = site.database.fingerprint()
    site.call("dbbackup")
    script = (
        "import os, sqlite3, sys; live = sqlite3.connect(sys.argv[1]);"
        "live.execute('PRAGMA journal_mode = WAL'); live.execute('CREATE TABLE stale (n)');"
        "live.commit(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(site.database.path)], check=False)
    assert Path(f"{site.database.path}-wal").stat().st_size > 0
    site.database.path.unlink()
    site.call("dbrestore", "--noinput")
    assert site.database.fingerprint() == before
    assert list(site.folder.glob("default.sqlite3.damaged-*-wal"))


def test_a_renamed_backup_is_refused(site: DjangoSite, recorder: SignalRecorder) -> None:
    dump = site.back_up()
    other = dump.with_name(dump.name.replace("default-20", "default-30"))
    other.write_bytes(dump.read_bytes())
    Path(f"{other}.json").write_bytes(Path(f"{dump}.json").read_bytes())
    assert "its manifest is that of" in refused(site, recorder, "-i", other.name)


def test_a_backup_signed_with_another_key_is_refused_unless_it_is_a_fallback(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.rclone["SIGNING_KEY"] = "the old key"
    site.back_up()
    site.rclone["SIGNING_KEY"] = "the new key"
    assert "another key" in refused(site, recorder)
    site.rclone["SIGNING_KEY_FALLBACKS"] = ["the old key"]
    site.call("dbrestore", "--noinput")


def test_another_environments_backup_must_be_asked_for(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.rclone["ENVIRONMENT"] = "production"
    dump = site.back_up()
    site.rclone["ENVIRONMENT"] = "staging"
    assert "add --from-environment production" in refused(site, recorder)
    assert "--from-environment" in refused(site, recorder, "-i", dump.name)
    refused(site, recorder, "--from-environment", "elsewhere")
    assert "default of environment 'production'" in site.call("listbackups")
    site.call("dbrestore", "--noinput", "--from-environment", "production")
    site.call("dbrestore", "--noinput", "--from-environment", "production", "-i", dump.name)


def test_another_databases_backup_is_refused(site: DjangoSite, recorder: SignalRecorder) -> None:
    site.add_database("archive")
    dump = site.back_up("-d", "archive")
    text = refused(site, recorder, "-d", "default", "-i", dump.name)
    assert "is a backup of database 'archive', not of 'default'" in text


@pytest.mark.parametrize(
    "name", ["../secret", "db/../../x", "no-such-backup", "", "..", "a\\b", "new\nline", "nul\0"]
)
def test_names_that_are_no_backup_are_refused(
    site: DjangoSite, recorder: SignalRecorder, name: str
) -> None:
    site.back_up()
    refused(site, recorder, f"--input={name}")


def test_a_dump_of_another_tool_is_restored_by_name_on_request(site: DjangoSite) -> None:
    before = site.database.fingerprint()
    folder = site.remote / "db"
    folder.mkdir()
    (folder / "old.sqlite3").write_bytes(site.database.path.read_bytes())
    site.database.mutate()
    assert "it has no manifest" in refused(site, None, "-i", "old.sqlite3")
    refused(site, None, "--unverified")
    site.call("dbrestore", "--noinput", "-i", "old.sqlite3", "--unverified")
    assert site.database.fingerprint() == before


def test_an_unverified_dump_that_is_not_a_database_is_refused(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    folder = site.remote / "db"
    folder.mkdir()
    (folder / "shell.sqlite3").write_bytes(b".shell touch /tmp/never\n" * 100)
    text = refused(site, recorder, "-i", "shell.sqlite3", "--unverified")
    assert "not known what db/shell.sqlite3 is" in text
    assert not Path("/tmp/never").exists()


def test_several_databases_need_one_to_be_named(site: DjangoSite) -> None:
    site.add_database("archive")
    site.call("dbbackup", "--all")
    with pytest.raises(CommandError, match="-d") as error:
        site.call("dbrestore", "--noinput")
    assert error.value.returncode == 2


def test_a_locked_live_database_is_given_up_after_djangos_timeout(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.databases["default"]["OPTIONS"] = {"timeout": 0.2}
    site.call("dbbackup")
    with closing(sqlite3.connect(site.database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        text = refused(site, recorder)
    assert "stayed locked for 0.2 seconds" in text
    assert recorder.events[-1].target_state == "unchanged"


def test_a_restore_inside_a_transaction_is_refused(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.call("dbbackup")
    with transaction.atomic():
        assert "transaction" in refused(site, recorder)


def test_without_a_terminal_a_restore_must_be_confirmed_by_option(site: DjangoSite) -> None:
    site.call("dbbackup")
    site.database.mutate()
    before = site.database.fingerprint()
    done = site.manage("dbrestore")
    assert done.returncode == 5
    assert "--noinput" in done.stderr
    assert site.database.fingerprint() == before


def test_a_backup_of_another_kind_of_database_is_refused(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.back_up()
    site.rclone["CLIENTS"] = {"default": {"BACKEND": f"{__name__}.OtherFormat"}}
    assert "takes 'other'" in refused(site, recorder)


class TalkativeClient(SqliteClient):
    def dump_warnings(self) -> list[str]:
        return ["This dump is special."]

    def restore_warnings(self) -> list[str]:
        return ["This restore is special."]


def test_warnings_of_a_client_precede_the_prompt(site: DjangoSite) -> None:
    path = f"{TalkativeClient.__module__}.{TalkativeClient.__name__}"
    site.rclone["CLIENTS"] = {"default": {"BACKEND": path}}
    done = site.manage("dbbackup")
    assert done.stderr == "Warning: This dump is special.\n"
    done = site.manage("dbrestore")
    assert done.returncode == 5
    assert done.stderr.startswith("Warning: This restore is special.\n")


def test_a_backup_older_than_the_code_says_what_to_migrate(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    site.call("migrate", verbosity=0)
    site.back_up()
    site.restore()
    assert "older than the code" not in capsys.readouterr().err

    site.database.run("DELETE FROM django_migrations WHERE name LIKE '0012%'")
    site.back_up()
    site.restore()

    warned = capsys.readouterr().err
    assert "It lacks auth.0012_alter_user_first_name_max_length: after a restore, run" in warned
    assert "`manage.py migrate`" in warned


def test_an_environment_without_a_name_is_named_as_a_shell_takes_it(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.back_up()
    site.rclone["ENVIRONMENT"] = "production"
    said = refused(site, recorder)
    assert "There are backups of another environment: add --from-environment ''." in said
    assert "default of environment ''" in site.call("listbackups")
    site.call("dbrestore", "--noinput", "--from-environment", "")


def test_several_jobs_have_no_effect_here_and_that_is_said(
    site: DjangoSite, capfd: pytest.CaptureFixture[str]
) -> None:
    site.back_up()
    site.restore("--jobs", "2")
    assert "--jobs has no effect: a database of this kind" in capfd.readouterr().err
