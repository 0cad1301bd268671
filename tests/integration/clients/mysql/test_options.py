"""Rights, partial backups, versions, and what a MariaDB schema must not hold."""

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.integration.clients.mysql.shop import DIVERGED, RICH, Shop
from tests.integration.clients.mysql.test_faults import altered, fake
from tests.support.servers.mysql import Server
from tests.support.site import Site

CONTENT_TYPES = "CREATE TABLE django_content_type (id int, model text)"


def test_excluded_rows_make_a_backup_partial(rich: Shop) -> None:
    rich.run(CONTENT_TYPES, "INSERT INTO django_content_type VALUES (1, 'secret')")
    rich.options["exclude_data"] = ["contenttypes.ContentType", "log"]
    before = rich.schema()
    rich.back_up()
    rich.run(*DIVERGED)
    live = rich.fingerprint()
    with pytest.raises(CommandError, match=r"partial.*\n.*--partial"):
        rich.restore()
    assert rich.fingerprint() == live
    rich.restore("--partial")
    assert rich.schema().replace(" AUTO_INCREMENT=201", "") in before
    assert rich.rows("SELECT count(*) FROM django_content_type") == [(0,)]
    assert rich.rows("SELECT count(*) FROM log") == [(0,)]
    assert rich.rows("SELECT count(*) FROM entry") == [(500,)]


def test_rows_are_not_excluded_by_a_tool_that_cannot(rich: Shop) -> None:
    fake(rich, "mariadb-dump", 'exec "$REAL" "$@"')
    tool = rich.site.folder / "fake tools" / "mariadb-dump"
    text = tool.read_text()
    tool.write_text(
        text.replace('--version|--help) exec "$REAL" "$@"', "--help) echo nothing; exit")
    )
    rich.options["exclude_data"] = ["log"]
    with pytest.raises(CommandError, match=r"cannot exclude only the rows.*\n.*exclude_tables"):
        rich.back_up()
    assert rich.site.stored() == []


def test_excluded_tables_are_gone_after_a_partial_restore(rich: Shop) -> None:
    rich.run(CONTENT_TYPES)
    rich.options["exclude_tables"] = ["contenttypes.ContentType", "log"]
    rich.back_up()
    rich.restore("--partial")
    left = rich.rows("SHOW TABLES LIKE 'django_content_type'")
    assert [*left, *rich.rows("SHOW TABLES LIKE 'log'")] == []
    assert rich.rows("SELECT count(*) FROM entry") == [(500,)]


@pytest.mark.parametrize("option", ["exclude_tables", "exclude_data"])
def test_a_table_to_exclude_must_exist(rich: Shop, option: str) -> None:
    rich.options[option] = ["sessions.Sesion"]
    with pytest.raises(CommandError, match=r"sessions\.Sesion"):
        rich.back_up()


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
def test_wrong_options_are_told(rich: Shop, options: dict[str, object]) -> None:
    rich.options.update(options)
    with pytest.raises(CommandError, match="CLIENTS"):
        rich.back_up()


def test_tables_without_transactions_are_named_with_every_backup(rich: Shop) -> None:
    rich.run("CREATE TABLE old_one (id int) ENGINE = MyISAM")
    done = rich.site.manage("dbbackup")
    assert done.returncode == 0
    assert "These tables do not support transactions: old_one." in done.stderr


def test_a_broken_view_is_named_before_anything_is_dumped(rich: Shop) -> None:
    rich.run("DROP TABLE orders")
    with pytest.raises(CommandError, match=r"Broken views: aa, zz"):
        rich.back_up()
    assert rich.site.stored() == []


def test_foreign_keys_of_other_schemas_are_named_before_anything_starts(
    rich: Shop, other_schema: str
) -> None:
    rich.back_up()
    rich.server.run(
        f"CREATE TABLE {other_schema}.child (id bigint, "
        f"FOREIGN KEY (id) REFERENCES {rich.quoted(rich.name)}.entry (id))"
    )
    live = rich.fingerprint()
    with pytest.raises(CommandError, match=f"refer to this one: {other_schema}"):
        rich.restore()
    assert rich.fingerprint() == live


@pytest.fixture
def other_schema(rich: Shop) -> Iterator[str]:
    """A second schema, which the role may see."""
    name = f"{rich.role}_other"
    rich.server.run(f"CREATE DATABASE {name}", f"GRANT ALL ON {name}.* TO {rich.role}@'%'")
    yield name
    rich.server.run(f"DROP DATABASE {name}")


def test_a_database_that_a_dead_server_left_half_swapped_is_not_backed_up(rich: Shop) -> None:
    rich.run("RENAME TABLE log TO replaced_0123abcd_0")
    with pytest.raises(CommandError, match="left over from an interrupted restore"):
        rich.back_up()
    assert rich.site.stored() == []


@pytest.mark.parametrize(
    ("version", "said"),
    [("8.4.3", "MySQL 8.4.3"), ("99.1.2-MariaDB", "an older server may not be able to read")],
)
def test_dumps_of_the_other_family_or_of_a_newer_server_are_refused(
    rich: Shop, monkeypatch: pytest.MonkeyPatch, version: str, said: str
) -> None:
    from django_rclone.clients.mysql.client import MysqlClient

    with monkeypatch.context() as patched:
        patched.setattr(MysqlClient, "_server_version", version)
        rich.back_up()
    live = rich.fingerprint()
    with pytest.raises(CommandError, match=said):
        rich.restore()
    assert rich.fingerprint() == live


def test_flags_of_mysql_go_to_the_programs_that_know_them(rich: Shop) -> None:
    seen = rich.site.folder / "seen"
    noted = f'echo "$@" >> {shlex.quote(str(seen))}'
    fake(rich, "mariadb-dump", f'{noted}\nexec "$REAL" "$@"')
    rich.back_up()
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
    (rich.site.folder / "fake tools" / "mariadb-dump").write_text(script)
    rich.back_up()
    assert "--set-gtid-purged=OFF --column-statistics=0" in seen.read_text().splitlines()[-1]


def test_an_empty_schema_comes_back_empty(shop: Shop) -> None:
    shop.back_up()
    shop.run("CREATE TABLE later (n int)")
    shop.restore()
    assert shop.rows("SHOW TABLES") == []


# ------------------------------------------------------------ without the right to a scratch schema


@pytest.fixture
def plain(server: Server, site: Site) -> Iterator[Shop]:
    """A shop whose role may do everything to its schema, and nothing beside it."""
    shop = Shop(server, site, may_have_scratch=False)
    shop.run(*RICH)
    yield shop
    shop.close()


def test_in_place_equals_the_backup_and_is_announced(plain: Shop) -> None:
    before = plain.fingerprint()
    plain.back_up()
    plain.run(*DIVERGED)
    done = plain.site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert "may not create a scratch schema" in done.stderr
    assert "stays incomplete until it is restored again" in done.stderr
    assert plain.fingerprint() == before


def test_in_place_announces_before_it_asks(plain: Shop) -> None:
    plain.back_up()
    done = plain.site.manage("dbrestore")
    assert done.returncode == 5
    assert done.stderr.index("scratch schema") < done.stderr.index("no terminal")


def test_in_place_a_damaged_backup_changes_nothing(plain: Shop) -> None:
    plain.back_up()
    live = plain.fingerprint()
    dump = plain.site.dump()
    dump.write_bytes(dump.read_bytes()[:-1])
    with pytest.raises(CommandError, match="its manifest says"):
        plain.restore()
    assert plain.fingerprint() == live


def test_in_place_a_dump_that_cannot_be_taken_apart_changes_nothing(plain: Shop) -> None:
    plain.site.rclone["COMPRESSION"] = None
    plain.back_up()
    name = altered(plain, b"\nCREATE DEFINER", b"\nGRANT ALL ON *.* DEFINER")
    live = plain.fingerprint()
    with pytest.raises(CommandError, match="unexpected statements after its tables"):
        plain.restore("--unverified", "-i", name)
    assert plain.fingerprint() == live


def test_in_place_a_failure_says_that_the_database_is_neither(plain: Shop) -> None:
    plain.site.rclone["COMPRESSION"] = None
    plain.back_up()
    name = altered(plain, b"CREATE TABLE `orders`", b"CREATE TABEL `orders`")
    done = plain.site.manage("dbrestore", "--noinput", "--unverified", "-i", name)
    assert done.returncode == 1
    assert "neither in its old state nor fully restored" in done.stderr
    assert "run the restore again" in done.stderr


def test_the_dump_kept_for_a_restore_in_place_is_private_and_removed(
    plain: Shop, tmp_path: Path
) -> None:
    plain.back_up()
    folder = tmp_path / "temporary"
    folder.mkdir()
    listing = tmp_path / "listing"
    fake(plain, "mariadb", f'ls -lAR {folder} >> {listing}\nexec "$REAL" "$@"')
    done = plain.site.manage("dbrestore", "--noinput", env={"TMPDIR": str(folder)})
    assert done.returncode == 0, done.stderr
    assert "drwx------" in listing.read_text()
    assert "dump.sql" in listing.read_text()
    assert list(folder.iterdir()) == []
    shutil.rmtree(folder)
