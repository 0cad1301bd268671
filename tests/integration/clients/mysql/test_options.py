"""Rights, partial backups, versions, and what a MariaDB schema must not hold."""

import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.integration.clients.mysql.test_faults import altered
from tests.support.databases import MysqlDatabase
from tests.support.databases.mysql import quote
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite

CONTENT_TYPES = "CREATE TABLE django_content_type (id int, model text)"


def test_excluded_rows_make_a_backup_partial(sample_site: DjangoSite) -> None:
    sample_site.database.run(CONTENT_TYPES, "INSERT INTO django_content_type VALUES (1, 'secret')")
    sample_site.database.options["exclude_data"] = ["contenttypes.ContentType", "log"]
    before = sample_site.database.schema()
    sample_site.back_up()
    sample_site.database.mutate()
    live = sample_site.database.fingerprint()
    with pytest.raises(CommandError, match=r"partial.*\n.*--partial"):
        sample_site.restore()
    assert sample_site.database.fingerprint() == live
    sample_site.restore("--partial")
    assert sample_site.database.schema().replace(" AUTO_INCREMENT=201", "") in before
    assert sample_site.database.rows("SELECT count(*) FROM django_content_type") == [(0,)]
    assert sample_site.database.rows("SELECT count(*) FROM log") == [(0,)]
    assert sample_site.database.rows("SELECT count(*) FROM entry") == [(500,)]


def test_rows_are_not_excluded_by_a_tool_that_cannot(sample_site: DjangoSite) -> None:
    sample_site.fake_program("mariadb-dump", 'exec "$REAL" "$@"', {"--help": "nothing"})
    sample_site.database.options["exclude_data"] = ["log"]
    with pytest.raises(CommandError, match=r"cannot exclude only the rows.*\n.*exclude_tables"):
        sample_site.back_up()
    assert sample_site.stored() == []


def test_excluded_tables_are_gone_after_a_partial_restore(sample_site: DjangoSite) -> None:
    sample_site.database.run(CONTENT_TYPES)
    sample_site.database.options["exclude_tables"] = ["contenttypes.ContentType", "log"]
    sample_site.back_up()
    sample_site.restore("--partial")
    left = sample_site.database.rows("SHOW TABLES LIKE 'django_content_type'")
    assert [*left, *sample_site.database.rows("SHOW TABLES LIKE 'log'")] == []
    assert sample_site.database.rows("SELECT count(*) FROM entry") == [(500,)]


@pytest.mark.parametrize("option", ["exclude_tables", "exclude_data"])
def test_a_table_to_exclude_must_exist(sample_site: DjangoSite, option: str) -> None:
    sample_site.database.options[option] = ["sessions.Sesion"]
    with pytest.raises(CommandError, match=r"sessions\.Sesion"):
        sample_site.back_up()


@pytest.mark.parametrize(
    "options",
    [
        {"exclude_tables": "log"},
        {"exclude_data": [1]},
        {"lock_timeout": 0},
        {"tools_folder": 5},
        {"tool_folder": "/usr/bin"},
    ],
)
def test_wrong_options_are_reported(sample_site: DjangoSite, options: dict[str, object]) -> None:
    sample_site.database.options.update(options)
    with pytest.raises(CommandError, match="CLIENTS"):
        sample_site.back_up()


def test_tables_without_transactions_are_named_with_every_backup(sample_site: DjangoSite) -> None:
    sample_site.database.run("CREATE TABLE old_one (id int) ENGINE = MyISAM")
    done = sample_site.manage("dbbackup")
    assert done.returncode == 0
    assert "These tables do not support transactions: old_one." in done.stderr


def test_a_broken_view_is_named_before_anything_is_dumped(sample_site: DjangoSite) -> None:
    sample_site.database.run("DROP TABLE orders")
    with pytest.raises(CommandError, match=r"Broken views: aa .*; zz "):
        sample_site.back_up()
    assert sample_site.stored() == []


def test_foreign_keys_of_other_schemas_are_named_before_anything_starts(
    sample_site: DjangoSite, other_schema: str
) -> None:
    sample_site.back_up()
    sample_site.database.server.run(
        f"CREATE TABLE {other_schema}.child (id bigint, "
        f"FOREIGN KEY (id) REFERENCES {quote(sample_site.database.name)}.entry (id))"
    )
    live = sample_site.database.fingerprint()
    with pytest.raises(CommandError, match=f"refer to this one: {other_schema}"):
        sample_site.restore()
    assert sample_site.database.fingerprint() == live


@pytest.fixture
def other_schema(sample_site: DjangoSite) -> Iterator[str]:
    """A second schema, which the role may see."""
    name = f"{sample_site.database.role}_other"
    sample_site.database.server.run(
        f"CREATE DATABASE {name}", f"GRANT ALL ON {name}.* TO {sample_site.database.role}@'%'"
    )
    yield name
    sample_site.database.server.run(f"DROP DATABASE {name}")


def test_a_half_swapped_database_is_not_backed_up(sample_site: DjangoSite) -> None:
    sample_site.database.run("RENAME TABLE log TO replaced_0123abcd_0")
    with pytest.raises(CommandError, match="incomplete: a restore was interrupted"):
        sample_site.back_up()
    assert sample_site.stored() == []


@pytest.mark.parametrize(
    ("version", "said"),
    [("8.4.3", "MySQL 8.4.3"), ("99.1.2-MariaDB", "an older server may not be able to read")],
)
def test_dumps_of_the_other_family_or_of_a_newer_server_are_refused(
    sample_site: DjangoSite, monkeypatch: pytest.MonkeyPatch, version: str, said: str
) -> None:
    from django_rclone.clients.mysql.client import MysqlClient

    with monkeypatch.context() as patched:
        patched.setattr(MysqlClient, "_server_version", version)
        sample_site.back_up()
    live = sample_site.database.fingerprint()
    with pytest.raises(CommandError, match=said):
        sample_site.restore()
    assert sample_site.database.fingerprint() == live


def test_flags_of_mysql_go_to_the_programs_that_know_them(sample_site: DjangoSite) -> None:
    seen = sample_site.folder / "seen"
    noted = f'echo "$@" >> {shlex.quote(str(seen))}'
    sample_site.fake_program("mariadb-dump", f'{noted}\nexec "$REAL" "$@"')
    sample_site.back_up()
    assert "--no-tablespaces" in seen.read_text()
    assert "gtid" not in seen.read_text()
    script = f"""#!/bin/sh
case "$2" in
--help) echo "--no-tablespaces --set-gtid-purged=name --column-statistics"; exit;;
--version) exec mariadb-dump "$@";;
esac
{noted}
for one; do
    shift
    case "$one" in --set-gtid*|--column-*) ;; *) set -- "$@" "$one";; esac
done
exec mariadb-dump "$@"
"""
    (sample_site.folder / "fake tools" / "mariadb-dump").write_text(script)
    sample_site.back_up()
    assert "--set-gtid-purged=OFF --column-statistics=0" in seen.read_text().splitlines()[-1]


def test_an_empty_schema_comes_back_empty(site: DjangoSite) -> None:
    site.back_up()
    site.database.run("CREATE TABLE later (n int)")
    site.restore()
    assert site.database.rows("SHOW TABLES") == []


# ------------------------------------------------------------ without the right to a scratch schema


@pytest.fixture
def plain(server: MysqlServer, site: DjangoSite) -> Iterator[DjangoSite]:
    """A site whose role may do everything to its schema, and nothing to any other."""
    with closing(MysqlDatabase(server, may_have_scratch=False)) as database:
        site.use(database)
        database.add_sample()
        yield site


def test_in_place_equals_the_backup_and_is_announced(plain: DjangoSite) -> None:
    before = plain.database.fingerprint()
    plain.back_up()
    plain.database.mutate()
    done = plain.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert "may not create a scratch schema" in done.stderr
    assert "stays incomplete until it is restored again" in done.stderr
    assert plain.database.fingerprint() == before


def test_in_place_announces_before_it_asks(plain: DjangoSite) -> None:
    plain.back_up()
    done = plain.manage("dbrestore")
    assert done.returncode == 5
    assert done.stderr.index("scratch schema") < done.stderr.index("no terminal")


def test_in_place_a_damaged_backup_changes_nothing(plain: DjangoSite) -> None:
    plain.back_up()
    live = plain.database.fingerprint()
    dump = plain.dump()
    dump.write_bytes(dump.read_bytes()[:-1])
    with pytest.raises(CommandError, match="its manifest says"):
        plain.restore()
    assert plain.database.fingerprint() == live


def test_in_place_a_dump_that_cannot_be_taken_apart_changes_nothing(plain: DjangoSite) -> None:
    plain.rclone["COMPRESSION"] = None
    plain.back_up()
    name = altered(plain, b"\nCREATE DEFINER", b"\nGRANT ALL ON *.* DEFINER")
    live = plain.database.fingerprint()
    with pytest.raises(CommandError, match="unexpected statements after its tables"):
        plain.restore("--unverified", "-i", name)
    assert plain.database.fingerprint() == live


def test_in_place_a_failure_says_that_the_database_is_neither(plain: DjangoSite) -> None:
    plain.rclone["COMPRESSION"] = None
    plain.back_up()
    name = altered(plain, b"CREATE TABLE `orders`", b"CREATE TABEL `orders`")
    done = plain.manage("dbrestore", "--noinput", "--unverified", "-i", name)
    assert done.returncode == 1
    assert "neither in its old state nor fully restored" in done.stderr
    assert "run the restore again" in done.stderr


def test_in_place_what_cannot_be_made_is_found_before_anything_is_emptied(
    plain: DjangoSite,
) -> None:
    plain.rclone["COMPRESSION"] = None
    plain.database.run(
        "CREATE TABLE `en;\nd` (id int)",
        "CREATE TRIGGER last_one BEFORE INSERT ON `en;\nd` FOR EACH ROW SET @x = 5",
    )
    plain.back_up()
    live = plain.database.fingerprint()
    content, dump = plain.dump().read_bytes(), plain.dump()
    Path(f"{dump}.json").unlink()
    for old, new, said in (
        (b"PROCEDURE `tidy`()", b"PROCEDURE `tidy`(", "Cannot create procedure tidy"),
        (b"EACH ROW BEGIN", b"EACH ROW BEGINN", "Cannot create trigger first_one"),
        (b"NEW.id", b"NEW.ix", "Cannot create trigger first_one: Unknown column 'ix'"),
        (b"SET @x = 5", b"SET NEW.ix = 5", "Cannot create trigger last_one: Unknown column"),
        (b"EVERY 1 SECOND", b"EVERY 1 SECOMD", "Cannot create event busy"),
        (b"COLLATE=utf8mb4_general_ci", b"COLLATE=utf8mb4_martian_ci", "Cannot create table"),
    ):
        assert old in content
        dump.write_bytes(content.replace(old, new))
        with pytest.raises(CommandError, match=said):
            plain.restore("--unverified", "-i", dump.name)
        assert plain.database.fingerprint() == live


def test_in_place_a_killed_restore_leaves_a_database_that_is_not_backed_up(
    plain: DjangoSite,
) -> None:
    before = plain.database.fingerprint()
    plain.back_up()
    plain.fake_program("mariadb", 'head -c 3000 | "$REAL" "$@"; kill -9 $PPID')
    assert plain.manage("dbrestore", "--noinput").returncode == -9
    plain.database.wait_until_idle()
    plain.fake_program("mariadb", 'exec "$REAL" "$@"')
    for _ in range(2):
        with pytest.raises(CommandError, match="incomplete: a restore was interrupted"):
            plain.back_up("--clean")
    assert len(plain.stored()) == 2
    plain.restore()
    assert plain.database.fingerprint() == before
    plain.back_up()


def test_the_dump_kept_for_a_restore_in_place_is_private_and_removed(
    plain: DjangoSite, tmp_path: Path
) -> None:
    plain.back_up()
    folder = tmp_path / "temporary"
    folder.mkdir()
    listing = tmp_path / "listing"
    plain.fake_program("mariadb", f'ls -lAR {folder} >> {listing}\nexec "$REAL" "$@"')
    done = plain.manage("dbrestore", "--noinput", env={"TMPDIR": str(folder)})
    assert done.returncode == 0, done.stderr
    assert "drwx------" in listing.read_text()
    assert "dump.sql" in listing.read_text()
    assert list(folder.iterdir()) == []
    shutil.rmtree(folder)
