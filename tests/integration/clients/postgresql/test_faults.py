"""Whatever dies or lies, the live PostgreSQL database is whole, old or new."""

import os
import shlex
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.integration.clients.postgresql.shop import Shop
from tests.integration.commands.test_faults import MARK, family
from tests.support.processes import wait_until_gone


def fake(shop: Shop, program: str, body: str) -> None:
    """Put a script in the place of one of the programs; ``$REAL`` is the real one."""
    folder = shop.site.folder / "fake tools"
    folder.mkdir(exist_ok=True)
    for name in ("pg_dump", "pg_restore"):
        real = shop.server.programs / name
        lines = f"#!/bin/sh\nREAL={shlex.quote(str(real))}\n"
        lines += 'case "$1" in --version) exec "$REAL" --version;; esac\n'
        (folder / name).write_text(lines + (body if name == program else 'exec "$REAL" "$@"\n'))
        (folder / name).chmod(0o755)
    shop.options["tools_folder"] = str(folder)


def fill(shop: Shop, *, rows: int = 40_000) -> None:
    shop.run(
        f"CREATE TABLE bulk AS SELECT n AS id, repeat(md5(n::text), 8) AS text "
        f"FROM generate_series(1, {rows}) n",
        "ALTER TABLE bulk ADD PRIMARY KEY (id)",
    )


def test_a_dump_whose_constraint_cannot_be_created_changes_nothing(rich: Shop) -> None:
    rich.run(
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        "INSERT INTO orders (customer, total) VALUES (123456, 1)",
        "ALTER TABLE orders ENABLE TRIGGER ALL",
        superuser=True,
    )
    rich.back_up()
    rich.run("DELETE FROM entry WHERE id < 9")
    live = rich.fingerprint()
    with pytest.raises(CommandError, match="violates foreign key constraint") as caught:
        rich.restore()
    assert "ADD CONSTRAINT" in str(caught.value)
    assert "123456" not in str(caught.value), "rows stay in the database"
    assert rich.fingerprint() == live


def test_a_dump_with_commands_for_psql_runs_nothing(shop: Shop) -> None:
    """``\\!`` in a script makes psql run a program; ours is no psql."""
    proof = shop.site.folder / "proof"
    command = f"\\! touch {proof}\n"
    harmless = f"CREATE VIEW public.v AS SELECT '{'x' * len(command)}'"
    shop.run(harmless)
    shop.site.rclone["COMPRESSION"] = None
    shop.back_up()
    dump = shop.site.dump()
    Path(f"{dump}.json").unlink()
    content = dump.read_bytes()
    start = content.index(b"CREATE VIEW public.v AS")
    end = content.index(b";", start) + 1
    evil = f"SELECT 1;\n{command}".encode().ljust(end - start, b"\n")
    assert len(evil) == end - start
    dump.write_bytes(content[:start] + evil + content[end:])
    live = shop.fingerprint()
    with pytest.raises(CommandError, match="a psql command"):
        shop.restore("-i", dump.name, "--unverified")
    assert not proof.exists()
    assert shop.fingerprint() == live


def test_a_dump_that_commits_by_itself_changes_nothing(shop: Shop) -> None:
    shop.run(f"CREATE VIEW public.v AS SELECT '{'x' * 50}'")
    shop.site.rclone["COMPRESSION"] = None
    shop.back_up()
    dump = shop.site.dump()
    Path(f"{dump}.json").unlink()
    content = dump.read_bytes()
    start = content.index(b"CREATE VIEW public.v AS")
    end = content.index(b";", start) + 1
    evil = b"SELECT 1; Commit and chain; SELECT nonsense;".ljust(end - start, b"\n")
    dump.write_bytes(content[:start] + evil + content[end:])
    live = shop.fingerprint()
    with pytest.raises(CommandError, match="control the transaction"):
        shop.restore("-i", dump.name, "--unverified")
    assert shop.fingerprint() == live


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
    rich: Shop, body: str, said: str
) -> None:
    fake(rich, "pg_dump", body)
    done = rich.site.manage("dbbackup")
    assert done.returncode == 1
    assert said in done.stderr
    assert "ouvre" not in done.stderr + done.stdout
    assert len(done.stderr) < 20_000
    assert rich.site.backups() == []
    assert rich.site.stored() == []


@pytest.mark.parametrize(
    "body",
    [
        '"$REAL" "$@" | head -c 9000; echo "pg_restore: disk on fire" >&2; exit 3',
        'head -c 9000 >/dev/null; echo "pg_restore: disk on fire" >&2; exit 3',
        'echo "pg_restore: disk on fire" >&2; "$REAL" "$@"; exit 3',
    ],
)
def test_a_failing_pg_restore_changes_nothing(diverged: tuple[Shop, str], body: str) -> None:
    shop, _ = diverged
    live = shop.fingerprint()
    fake(shop, "pg_restore", body)
    with pytest.raises(CommandError, match="disk on fire"):
        shop.restore()
    assert shop.fingerprint() == live


def test_missing_programs_are_named_with_what_brings_them(rich: Shop) -> None:
    rich.options["tools_folder"] = str(rich.site.folder / "nowhere")
    with pytest.raises(CommandError, match=f"postgresql-client-{rich.server.major}"):
        rich.back_up()
    assert rich.site.stored() == []


def test_a_wrong_password_is_told_and_not_shown(rich: Shop) -> None:
    rich.site.databases["default"]["PASSWORD"] = "not-that-word"
    for command in (["dbbackup"], ["dbrestore", "--noinput"]):
        done = rich.site.manage(*command)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "not-that-word" not in done.stderr
        if command == ["dbbackup"]:
            assert "password authentication failed" in done.stderr
    assert rich.site.stored() == []


def test_a_database_in_use_is_left_alone_after_the_lock_timeout(
    diverged: tuple[Shop, str],
) -> None:
    shop, before = diverged
    live = shop.fingerprint()
    shop.options["lock_timeout"] = 0.5
    with closing(shop.connect()) as other:
        other.execute("BEGIN; SELECT count(*) FROM orders")
        with pytest.raises(CommandError, match=r"in use.*0\.5 seconds"):
            shop.restore()
        other.execute("ROLLBACK; BEGIN; LOCK TABLE orders")
        with pytest.raises(CommandError, match="Another session holds a lock"):
            shop.back_up()
        other.execute("ROLLBACK")
    assert shop.fingerprint() == live
    shop.restore()
    assert shop.fingerprint() == before


def test_sigterm_ends_a_restore_that_waits_for_a_lock(diverged: tuple[Shop, str]) -> None:
    shop, _ = diverged
    live = shop.fingerprint()
    mark = f"{os.getpid()}-{shop.name}"
    with closing(shop.connect()) as other:
        other.execute("BEGIN; LOCK TABLE orders")
        process = shop.site.start("dbrestore", "--noinput", env={MARK: mark})
        waits = f"SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = '{shop.name}'"
        deadline = time.monotonic() + 30
        while not shop.rows(waits) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 143, errors
        wait_until_gone(lambda: family(mark))
        other.execute("ROLLBACK")
    assert shop.fingerprint() == live
