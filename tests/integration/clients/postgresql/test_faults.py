"""Whatever dies or lies, the live PostgreSQL database is whole, old or new."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.support.processes import MARK, marked, wait_until, wait_until_gone
from tests.support.site import DjangoSite


def fill(site: DjangoSite, *, rows: int = 40_000) -> None:
    site.database.run(
        f"CREATE TABLE bulk AS SELECT n AS id, repeat(md5(n::text), 8) AS text "
        f"FROM generate_series(1, {rows}) n",
        "ALTER TABLE bulk ADD PRIMARY KEY (id)",
    )


def test_a_dump_whose_constraint_cannot_be_created_changes_nothing(sample_site: DjangoSite) -> None:
    sample_site.database.run(
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        "INSERT INTO orders (customer, total) VALUES (123456, 1)",
        "ALTER TABLE orders ENABLE TRIGGER ALL",
        superuser=True,
    )
    sample_site.back_up()
    sample_site.database.run("DELETE FROM entry WHERE id < 9")
    live = sample_site.database.fingerprint()
    with pytest.raises(CommandError, match="violates foreign key constraint") as caught:
        sample_site.restore()
    assert "ADD CONSTRAINT" in str(caught.value)
    assert "123456" not in str(caught.value), "rows stay in the database"
    assert sample_site.database.fingerprint() == live


def test_a_dump_with_commands_for_psql_runs_nothing(site: DjangoSite) -> None:
    """``\\!`` in a script makes psql run a program; ours is no psql."""
    proof = site.folder / "proof"
    command = f"\\! touch {proof}\n"
    harmless = f"CREATE VIEW public.v AS SELECT '{'x' * len(command)}'"
    site.database.run(harmless)
    site.rclone["COMPRESSION"] = None
    site.back_up()
    dump = site.dump()
    Path(f"{dump}.json").unlink()
    content = dump.read_bytes()
    start = content.index(b"CREATE VIEW public.v AS")
    end = content.index(b";", start) + 1
    evil = f"SELECT 1;\n{command}".encode().ljust(end - start, b"\n")
    assert len(evil) == end - start
    dump.write_bytes(content[:start] + evil + content[end:])
    live = site.database.fingerprint()
    with pytest.raises(CommandError, match="a psql command"):
        site.restore("-i", dump.name, "--unverified")
    assert not proof.exists()
    assert site.database.fingerprint() == live


def test_a_dump_that_commits_by_itself_changes_nothing(site: DjangoSite) -> None:
    site.database.run(f"CREATE VIEW public.v AS SELECT '{'x' * 50}'")
    site.rclone["COMPRESSION"] = None
    site.back_up()
    dump = site.dump()
    Path(f"{dump}.json").unlink()
    content = dump.read_bytes()
    start = content.index(b"CREATE VIEW public.v AS")
    end = content.index(b";", start) + 1
    evil = b"SELECT 1; Commit and chain; SELECT nonsense;".ljust(end - start, b"\n")
    dump.write_bytes(content[:start] + evil + content[end:])
    live = site.database.fingerprint()
    with pytest.raises(CommandError, match="control the transaction"):
        site.restore("-i", dump.name, "--unverified")
    assert site.database.fingerprint() == live


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('"$REAL" "$@" | head -c 5000; echo "pg_dump: disk on fire" >&2; exit 3', "disk on fire"),
        ('"$REAL" "$@" | head -c 5000; kill -9 $$', "killed by SIGKILL"),
        ("exit 1", "exited with 1"),
        ('yes "no luck $PGPASSWORD" | head -n 20000 >&2; exit 1', "no luck"),
        ("exit 0", "empty"),
    ],
    ids=["dies", "killed", "silent", "talkative", "empty"],
)
def test_a_failing_pg_dump_leaves_no_backup_and_shows_no_secret(
    sample_site: DjangoSite, body: str, said: str
) -> None:
    sample_site.fake_program("pg_dump", body)
    done = sample_site.manage("dbbackup")
    assert done.returncode == 1
    assert said in done.stderr
    assert "ouvre" not in done.stderr + done.stdout
    assert len(done.stderr) < 20_000
    assert sample_site.backups() == []
    assert sample_site.stored() == []


@pytest.mark.parametrize(
    "body",
    [
        '"$REAL" "$@" | head -c 9000; echo "pg_restore: disk on fire" >&2; exit 3',
        'head -c 9000 >/dev/null; echo "pg_restore: disk on fire" >&2; exit 3',
        'echo "pg_restore: disk on fire" >&2; "$REAL" "$@"; exit 3',
    ],
)
def test_a_failing_pg_restore_changes_nothing(
    mutated_site: tuple[DjangoSite, str], body: str
) -> None:
    site, _ = mutated_site
    live = site.database.fingerprint()
    site.fake_program("pg_restore", body)
    with pytest.raises(CommandError, match="disk on fire"):
        site.restore()
    assert site.database.fingerprint() == live


def test_missing_programs_are_named_with_the_package_that_has_them(sample_site: DjangoSite) -> None:
    sample_site.database.options["tools_folder"] = str(sample_site.folder / "nowhere")
    with pytest.raises(
        CommandError, match=f"postgresql-client-{sample_site.database.server.major}"
    ):
        sample_site.back_up()
    assert sample_site.stored() == []


def test_a_wrong_password_is_reported_and_not_shown(sample_site: DjangoSite) -> None:
    sample_site.databases["default"]["PASSWORD"] = "not-that-word"
    for command in (["dbbackup"], ["dbrestore", "--noinput"]):
        done = sample_site.manage(*command)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "not-that-word" not in done.stderr
        if command == ["dbbackup"]:
            assert "password authentication failed" in done.stderr
    assert sample_site.stored() == []


def test_a_database_in_use_is_left_alone_after_the_lock_timeout(
    mutated_site: tuple[DjangoSite, str],
) -> None:
    site, before = mutated_site
    live = site.database.fingerprint()
    site.database.options["lock_timeout"] = 0.5
    with closing(site.database.connect()) as other:
        other.execute("BEGIN; SELECT count(*) FROM orders")
        with pytest.raises(CommandError, match=r"in use.*0\.5 seconds"):
            site.restore()
        other.execute("ROLLBACK; BEGIN; LOCK TABLE orders")
        with pytest.raises(CommandError, match="Another session holds a lock"):
            site.back_up()
        other.execute("ROLLBACK")
    assert site.database.fingerprint() == live
    site.restore()
    assert site.database.fingerprint() == before


def test_sigterm_ends_a_restore_that_waits_for_a_lock(mutated_site: tuple[DjangoSite, str]) -> None:
    site, _ = mutated_site
    live = site.database.fingerprint()
    mark = f"{os.getpid()}-{site.database.name}"
    with closing(site.database.connect()) as other:
        other.execute("BEGIN; LOCK TABLE orders")
        process = site.start("dbrestore", "--noinput", env={MARK: mark})
        waits = f"SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = '{site.database.name}'"
        wait_until(lambda: site.database.rows(waits), "the restore does not wait for the lock")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 143, errors
        wait_until_gone(lambda: marked(mark))
        other.execute("ROLLBACK")
    assert site.database.fingerprint() == live
