"""Whatever dies or lies, the live MariaDB schema is whole, old or new."""

import shlex
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.integration.clients.mysql.shop import Shop


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


def altered(shop: Shop, old: bytes, new: bytes) -> str:
    """Alter a stored dump, and let nothing vouch for it any more."""
    dump = shop.site.dump()
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
    ("body", "said"),
    [
        ('"$REAL" "$@" | head -c 900; echo "mariadb-dump: Error: on fire" >&2; exit 3', "on fire"),
        ('"$REAL" "$@" | head -c 900; kill -9 $$', "killed by SIGKILL"),
        ('"$REAL" "$@" | head -c 900; exit 0', "did not print its last line"),
        ('"$REAL" "$@" | grep -v "Dump completed"; exit 0', "did not print its last line"),
        ("exit 1", "exited with 1"),
        ('yes "mariadb-dump: Error: no luck" | head -n 40000 >&2; exit 1', "no luck"),
        ("exit 0", "did not print its last line"),
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
    assert b"ouvre" not in seen.read_bytes()


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
