"""Whatever dies or lies, the live MariaDB schema is whole, old or new."""

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.integration.mysql.shop import Shop
from tests.integration.test_faults import MARK, family, wait_until_gone

RCLONE = Path(sys.executable).with_name("rclone")


def dump_of(shop: Shop) -> Path:
    (dump,) = [path for path in shop.site.stored() if path.suffix != ".json"]
    return dump


def fake(shop: Shop, program: str, body: str) -> None:
    """Put a script in the place of one of the programs; ``$REAL`` is the real one."""
    folder = shop.site.folder / "fake tools"
    folder.mkdir(exist_ok=True)
    for name in ("mariadb-dump", "mariadb"):
        lines = f"#!/bin/sh\nREAL=/usr/bin/{name}\n"
        lines += 'case "$2" in --version|--help) exec "$REAL" "$@";; esac\n'
        (folder / name).write_text(lines + (body if name == program else 'exec "$REAL" "$@"\n'))
        (folder / name).chmod(0o755)
    shop.options["tools_folder"] = str(folder)


def fill(shop: Shop, *, rows: int = 20_000) -> None:
    shop.run(
        "CREATE TABLE bulk (id int PRIMARY KEY, body text)",
        f"INSERT INTO bulk SELECT seq, repeat(sha1(seq), 8) FROM seq_1_to_{rows}",
        "CREATE VIEW first_ones AS SELECT * FROM bulk WHERE id < 9",
        "CREATE TRIGGER kept BEFORE DELETE ON bulk FOR EACH ROW SET @gone = OLD.id",
    )


def test_a_truncated_or_altered_dump_changes_nothing(diverged: tuple[Shop, str]) -> None:
    shop, _ = diverged
    live = shop.fingerprint()
    dump = dump_of(shop)
    content = dump.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    for ruined in (content[:middle], content[:-1], flipped, content + b"x", b""):
        dump.write_bytes(ruined)
        with pytest.raises(CommandError):
            shop.restore()
    assert shop.fingerprint() == live
    assert shop.leftovers() == []


@pytest.mark.parametrize("place", [0.001, 0.4, 0.99])
def test_an_unverified_dump_cut_anywhere_changes_nothing(shop: Shop, place: float) -> None:
    fill(shop, rows=2000)
    shop.site.rclone["COMPRESSION"] = None
    shop.back_up()
    dump = dump_of(shop)
    Path(f"{dump}.json").unlink()
    content = dump.read_bytes()
    dump.write_bytes(content[: int(len(content) * place)])
    shop.run("DELETE FROM bulk WHERE id < 9")
    live = shop.fingerprint()
    with pytest.raises(CommandError):
        shop.restore("-i", dump.name, "--unverified")
    assert shop.fingerprint() == live


def altered(shop: Shop, old: bytes, new: bytes) -> str:
    """Alter a stored dump, and let nothing vouch for it any more."""
    dump = dump_of(shop)
    Path(f"{dump}.json").unlink()
    content = dump.read_bytes()
    assert old in content
    dump.write_bytes(content.replace(old, new, 1))
    return dump.name


def test_an_error_in_the_middle_changes_nothing_and_shows_no_row(shop: Shop) -> None:
    fill(shop, rows=10)
    shop.run(
        "CREATE TABLE zebra (secret varchar(20) PRIMARY KEY)",
        "INSERT INTO zebra VALUES ('x1'), ('x2')",
    )
    shop.site.rclone["COMPRESSION"] = None
    shop.back_up()
    name = altered(shop, b"('x2')", b"('x1')")
    live = shop.fingerprint()
    with pytest.raises(CommandError, match=r"ERROR \d+ .* at line") as caught:
        shop.restore("-i", name, "--unverified")
    assert "x1" not in str(caught.value)
    assert shop.fingerprint() == live
    assert shop.leftovers() == []


def test_a_view_that_cannot_be_made_changes_nothing(shop: Shop) -> None:
    fill(shop, rows=10)
    shop.site.rclone["COMPRESSION"] = None
    shop.back_up()
    name = altered(shop, b"from `bulk`", b"from `bulc`")
    live = shop.fingerprint()
    with pytest.raises(CommandError, match="bulc"):
        shop.restore("-i", name, "--unverified")
    assert shop.fingerprint() == live
    assert shop.leftovers() == []


@pytest.mark.parametrize("place", ["CREATE TABLE", "CREATE OR REPLACE"])
def test_a_dump_with_commands_for_the_client_runs_nothing(shop: Shop, place: str) -> None:
    fill(shop, rows=10)
    proof = shop.site.folder / "proof"
    shop.site.rclone["COMPRESSION"] = None
    shop.back_up()
    name = altered(shop, place.encode(), f"\\! touch {proof}\n{place}".encode())
    live = shop.fingerprint()
    with pytest.raises(CommandError):
        shop.restore("-i", name, "--unverified")
    assert not proof.exists()
    assert shop.fingerprint() == live


@pytest.mark.parametrize(
    "cat", ['"$REAL" "$@" | head -c 900; exit 1', '"$REAL" "$@" | head -c 900; kill -9 $$']
)
def test_rclone_dying_during_the_download_changes_nothing(
    diverged: tuple[Shop, str], cat: str
) -> None:
    shop, before = diverged
    live = shop.fingerprint()
    path = shop.site.folder / "FakeRclone"
    path.write_text(
        f'#!/bin/sh\nREAL={RCLONE}\nif [ "$1" = cat ] && ! echo "$@" | grep -q json$; then\n'
        f'{cat}\nfi\nexec "$REAL" "$@"\n'
    )
    path.chmod(0o755)
    shop.site.rclone["RCLONE_BINARY"] = str(path)
    with pytest.raises(CommandError, match="cat"):
        shop.restore()
    assert shop.fingerprint() == live
    del shop.site.rclone["RCLONE_BINARY"]
    shop.restore()
    assert shop.fingerprint() == before


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('"$REAL" "$@" | head -c 900; echo "mariadb-dump: Error: on fire" >&2; exit 3', "on fire"),
        ('"$REAL" "$@" | head -c 900; kill -9 $$', "killed by SIGKILL"),
        ('"$REAL" "$@" | head -c 900; exit 0', "last line of a dump"),
        ('"$REAL" "$@" | grep -v "Dump completed"; exit 0', "last line of a dump"),
        ("exit 1", "exited with 1"),
        ('yes "mariadb-dump: Error: no luck" | head -n 40000 >&2; exit 1', "no luck"),
        ("exit 0", "last line of a dump"),
    ],
    ids=["dies", "killed", "cut", "no-trailer", "silent", "talkative", "empty"],
)
def test_a_failing_dump_tool_leaves_no_backup(rich: Shop, body: str, said: str) -> None:
    fake(rich, "mariadb-dump", body)
    with pytest.raises(CommandError, match=said) as caught:
        rich.back_up()
    assert len(str(caught.value)) < 20_000
    assert rich.site.backups() == []
    assert rich.site.stored() == []


def test_missing_programs_are_named_with_what_brings_them(rich: Shop) -> None:
    rich.options["tools_folder"] = str(rich.site.folder / "nowhere")
    with pytest.raises(CommandError, match="mariadb-client"):
        rich.back_up()


def test_a_wrong_password_is_told_and_not_shown(rich: Shop) -> None:
    rich.site.databases["default"]["PASSWORD"] = "not-that-word"
    for command in (["dbbackup"], ["dbrestore", "--noinput"]):
        done = rich.site.manage(*command)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "not-that-word" not in done.stderr
        if command == ["dbbackup"]:
            assert "Access denied" in done.stderr
    assert rich.site.stored() == []


def test_no_password_is_in_any_argument_or_environment(rich: Shop) -> None:
    seen = rich.site.folder / "seen"
    look = f"{{ cat /proc/$$/cmdline /proc/$$/environ; }} >> {shlex.quote(str(seen))}\n"
    fake(rich, "mariadb-dump", look + 'exec "$REAL" "$@"')
    rich.back_up()
    fake(rich, "mariadb", look + 'exec "$REAL" "$@"')
    rich.restore()
    assert b"defaults-file" in seen.read_bytes()
    assert b"huis" not in seen.read_bytes()


def test_a_table_in_use_leaves_everything_as_it_is(diverged: tuple[Shop, str]) -> None:
    shop, before = diverged
    live = shop.fingerprint()
    shop.options["lock_timeout"] = 1
    with closing(shop.server.connect(shop.name)) as other, other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM orders")
        with pytest.raises(CommandError, match="Another session uses a table"):
            shop.restore()
        cursor.execute("ROLLBACK")
    assert shop.fingerprint() == live
    assert shop.leftovers() == []
    shop.restore()
    assert shop.fingerprint() == before


def kill_later(process: subprocess.Popen[str], mark: str, word: str, moment: float) -> None:
    """Kill the first process with ``word`` in its command line, a moment after a tool started."""
    begun = None
    while process.poll() is None:
        tools = [pid for pid in family(mark) if is_named(pid, "defaults-file")]
        begun = begun or (time.monotonic() if tools else None)
        if begun and time.monotonic() - begun > moment:
            for pid in family(mark):
                if is_named(pid, word):
                    os.kill(pid, signal.SIGKILL)
                    return
        time.sleep(0.005)


def is_named(pid: int, word: str) -> bool:
    try:
        return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


ROUNDS = [*range(2), *(pytest.param(n, marks=pytest.mark.thorough) for n in range(2, 20))]


@pytest.mark.parametrize("seed", ROUNDS)
@pytest.mark.parametrize("victim", ["manage.py", "--database=", "cat"])
def test_kill_9_during_a_restore_leaves_the_old_or_the_new_database(
    shop: Shop, victim: str, seed: int
) -> None:
    fill(shop)
    new = shop.fingerprint()
    shop.back_up()
    shop.run(
        "DELETE FROM bulk WHERE id % 2 = 0",
        "CREATE TABLE later (n integer)",
        "DROP VIEW first_ones",
    )
    old = shop.fingerprint()
    mark = f"{os.getpid()}-{shop.role}"
    process = shop.site.start("dbrestore", "--noinput", env={MARK: mark})
    moment = random.Random(f"{victim}{seed}").uniform(0.0, 0.6)
    kill_later(process, mark, "dbrestore" if victim == "manage.py" else victim, moment)
    _, errors = process.communicate(timeout=60)
    wait_until_gone(mark)
    settle(shop)
    assert shop.fingerprint() in ([old] if process.returncode > 0 else [old, new]), errors
    shop.site.call("dbrestore", "--noinput")
    assert shop.fingerprint() == new
    assert shop.leftovers() == []


@pytest.mark.parametrize("seed", ROUNDS)
@pytest.mark.parametrize("victim", ["manage.py", "mariadb-dump", "rcat"])
def test_kill_9_during_a_backup_leaves_no_half_backup(shop: Shop, victim: str, seed: int) -> None:
    fill(shop)
    shop.site.rclone["RCLONE_FLAGS"] = ["--bwlimit=4M"]
    mark = f"{os.getpid()}-{shop.role}"
    process = shop.site.start("dbbackup", env={MARK: mark})
    moment = random.Random(f"b{victim}{seed}").uniform(0.0, 0.4)
    kill_later(process, mark, "dbbackup" if victim == "manage.py" else victim, moment)
    process.communicate(timeout=60)
    wait_until_gone(mark)
    shop.site.rclone["RCLONE_FLAGS"] = []
    assert all(backup["verified"] for backup in shop.site.backups())
    # Killed after the manifest was written, the run has left a whole backup.
    if process.returncode > 0:
        assert shop.site.backups() == []


def settle(shop: Shop) -> None:
    """Wait until the server has noticed that its client is gone."""
    deadline = time.monotonic() + 30
    while shop.rows(f"SELECT 1 FROM information_schema.processlist WHERE user = '{shop.role}'"):
        assert time.monotonic() < deadline, "a session of the killed run stays behind"
        time.sleep(0.05)
