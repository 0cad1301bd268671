"""Whatever dies or lies, the live MariaDB schema is whole, old or new."""

import shlex
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.support.site import DjangoSite


def fill(site: DjangoSite, *, rows: int = 20_000) -> None:
    site.database.run(
        "CREATE TABLE bulk (id int PRIMARY KEY, body text)",
        f"INSERT INTO bulk SELECT seq, repeat(sha1(seq), 8) FROM seq_1_to_{rows}",
        "CREATE VIEW first_ones AS SELECT * FROM bulk WHERE id < 9",
        "CREATE TRIGGER kept BEFORE DELETE ON bulk FOR EACH ROW SET @gone = OLD.id",
    )


def altered(site: DjangoSite, old: bytes, new: bytes) -> str:
    """Alter a stored dump, and let nothing vouch for it any more."""
    dump = site.dump()
    Path(f"{dump}.json").unlink()
    content = dump.read_bytes()
    assert old in content
    dump.write_bytes(content.replace(old, new, 1))
    return dump.name


def test_an_error_in_the_middle_changes_nothing_and_shows_no_row(site: DjangoSite) -> None:
    fill(site, rows=10)
    site.database.run(
        "CREATE TABLE zebra (secret varchar(20) PRIMARY KEY)",
        "INSERT INTO zebra VALUES ('x1'), ('x2')",
    )
    site.rclone["COMPRESSION"] = None
    site.back_up()
    name = altered(site, b"('x2')", b"('x1')")
    live = site.database.fingerprint()
    with pytest.raises(CommandError, match=r"ERROR \d+ .* at line") as caught:
        site.restore("-i", name, "--unverified")
    assert "x1" not in str(caught.value)
    assert site.database.fingerprint() == live
    assert site.database.leftovers() == []


def test_a_view_that_cannot_be_made_changes_nothing(site: DjangoSite) -> None:
    fill(site, rows=10)
    site.rclone["COMPRESSION"] = None
    site.back_up()
    name = altered(site, b"from `bulk`", b"from `bulc`")
    live = site.database.fingerprint()
    with pytest.raises(CommandError, match="bulc"):
        site.restore("-i", name, "--unverified")
    assert site.database.fingerprint() == live
    assert site.database.leftovers() == []


@pytest.mark.parametrize("place", ["CREATE TABLE", "CREATE ALGORITHM"])
def test_a_dump_with_commands_for_the_client_runs_nothing(site: DjangoSite, place: str) -> None:
    fill(site, rows=10)
    proof = site.folder / "proof"
    site.rclone["COMPRESSION"] = None
    site.back_up()
    name = altered(site, place.encode(), f"\\! touch {proof}\n{place}".encode())
    live = site.database.fingerprint()
    with pytest.raises(CommandError):
        site.restore("-i", name, "--unverified")
    assert not proof.exists()
    assert site.database.fingerprint() == live


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
def test_a_failing_dump_tool_leaves_no_backup(
    sample_site: DjangoSite, body: str, said: str
) -> None:
    sample_site.fake_program("mariadb-dump", body)
    with pytest.raises(CommandError, match=said) as caught:
        sample_site.back_up()
    assert len(str(caught.value)) < 20_000
    assert sample_site.backups() == []
    assert sample_site.stored() == []


def test_missing_programs_are_named_with_the_package_that_has_them(sample_site: DjangoSite) -> None:
    sample_site.database.options["tools_folder"] = str(sample_site.folder / "nowhere")
    with pytest.raises(CommandError, match="mariadb-client"):
        sample_site.back_up()


@pytest.mark.thorough
def test_a_wrong_password_is_reported_and_not_shown(sample_site: DjangoSite) -> None:
    sample_site.databases["default"]["PASSWORD"] = "not-that-word"
    for command in (["dbbackup"], ["dbrestore", "--noinput"]):
        done = sample_site.manage(*command)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "not-that-word" not in done.stderr
        if command == ["dbbackup"]:
            assert "Access denied" in done.stderr
    assert sample_site.stored() == []


def test_no_password_is_in_any_argument_or_environment(sample_site: DjangoSite) -> None:
    seen = sample_site.folder / "seen"
    look = f"{{ cat /proc/$$/cmdline /proc/$$/environ; }} >> {shlex.quote(str(seen))}\n"
    sample_site.fake_program("mariadb-dump", look + 'exec "$REAL" "$@"')
    sample_site.back_up()
    sample_site.fake_program("mariadb", look + 'exec "$REAL" "$@"')
    sample_site.restore()
    assert b"defaults-file" in seen.read_bytes()
    assert b"ouvre" not in seen.read_bytes()


@pytest.mark.thorough
def test_a_table_in_use_leaves_everything_as_it_is(mutated_site: tuple[DjangoSite, str]) -> None:
    site, before = mutated_site
    live = site.database.fingerprint()
    site.database.options["lock_timeout"] = 1
    with (
        closing(site.database.server.connect(site.database.name)) as other,
        other.cursor() as cursor,
    ):
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM orders")
        with pytest.raises(CommandError, match="Another session uses a table"):
            site.restore()
        cursor.execute("ROLLBACK")
    assert site.database.fingerprint() == live
    assert site.database.leftovers() == []
    site.restore()
    assert site.database.fingerprint() == before
