"""Rows come back as a whole: also what the database alone knows of them."""

import contextlib
import json

import pytest
from django.core.management.base import CommandError
from django.db.utils import Error

from django_rclone.backups.inventory import Inventory
from django_rclone.exceptions import ClientError
from tests.integration.clients.orm.orm_site import OrmSite


def quoted(orm_site: OrmSite, name: str) -> str:
    return orm_site.connection.ops.quote_name(name)


@pytest.mark.parametrize(
    "column",
    [
        "extra integer",
        "extra varchar(9) DEFAULT 'x' NOT NULL",
        '"Extra column" text',
        "tag_id varchar(50) REFERENCES sample_models_tag",
    ],
)
def test_column_without_a_field_is_named_and_makes_the_backup_partial(
    orm_site: OrmSite, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = column.split(" DEFAULT")[0].split(" integer")[0].split(" varchar")[0].split(" text")[0]
    orm_site.run(f"ALTER TABLE sample_models_stamped ADD COLUMN {column}")
    orm_site.site.call("dbbackup")
    assert f"sample_models_stamped.{name.strip(chr(34))}" in capsys.readouterr().err
    [manifest] = [path for path in orm_site.site.stored() if path.suffix == ".json"]
    assert json.loads(manifest.read_bytes())["partial"] is True
    with pytest.raises(CommandError, match="partial"):
        orm_site.site.restore()
    orm_site.site.restore("--partial")


@pytest.mark.thorough
def test_column_of_an_unmanaged_table_is_seen_too(orm_site: OrmSite) -> None:
    orm_site.run("ALTER TABLE legacy ADD COLUMN remark varchar(9)")
    with orm_site.client() as client:
        assert any("legacy.remark" in warning for warning in client.dump_warnings())


@pytest.mark.thorough
def test_column_without_a_field_of_an_excluded_model_does_not_matter(orm_site: OrmSite) -> None:
    orm_site.run("ALTER TABLE sample_models_note ADD COLUMN extra integer")
    with orm_site.client(exclude_data=["sample_models.Note"]) as client:
        assert not any("without a field" in warning for warning in client.dump_warnings())


def test_rows_that_could_not_be_inserted_are_refused_at_the_backup(orm_site: OrmSite) -> None:
    orm_site.run("DROP VIEW legacy_view")
    orm_site.run("DROP TABLE legacy")
    orm_site.run(
        "CREATE TABLE legacy (code integer PRIMARY KEY, title varchar(50), extra integer NOT NULL)"
    )
    with (
        orm_site.client() as client,
        pytest.raises(ClientError, match=r"legacy\.extra has no field"),
    ):
        client.check_dump()


@pytest.mark.thorough
def test_column_that_the_database_computes_is_no_extra_column(orm_site: OrmSite) -> None:
    orm_site.run("DROP VIEW legacy_view")
    orm_site.run("DROP TABLE legacy")
    orm_site.run(
        "CREATE TABLE legacy (code integer PRIMARY KEY, title varchar(50), "
        "twice integer GENERATED ALWAYS AS (code * 2) STORED)"
    )
    orm_site.run("INSERT INTO legacy (code, title) VALUES (1, 'one')")
    with orm_site.client() as client:
        client.check_dump()
        assert not any("without a field" in warning for warning in client.dump_warnings())
    orm_site.restore(orm_site.dump())
    assert orm_site.run("SELECT * FROM legacy") == [(1, "one", 2)]


@pytest.mark.thorough
def test_field_whose_column_the_database_computes_is_refused_at_the_backup(
    orm_site: OrmSite,
) -> None:
    orm_site.run("DROP VIEW legacy_view")
    orm_site.run("DROP TABLE legacy")
    orm_site.run(
        "CREATE TABLE legacy (code integer PRIMARY KEY, "
        "title varchar(50) GENERATED ALWAYS AS ('always') STORED)"
    )
    with (
        orm_site.client() as client,
        pytest.raises(ClientError, match=r"legacy\.title is computed"),
    ):
        client.check_dump()


def add_trigger(orm_site: OrmSite, table: str, body: str) -> None:
    """Let the database itself do something after each row that is inserted."""
    if orm_site.connection.vendor == "sqlite":
        orm_site.run(f"CREATE TRIGGER meddler AFTER INSERT ON {table} BEGIN {body}; END")
        return
    orm_site.run(
        f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS "
        f"'BEGIN {body.replace(chr(39), chr(39) * 2)}; RETURN NULL; END'"
    )
    orm_site.run(
        f"CREATE TRIGGER meddler AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION meddle()"
    )


@pytest.mark.parametrize(
    "body",
    [
        "UPDATE sample_models_tag SET word = 'meddled' WHERE word = NEW.word AND word LIKE 'a%'",
        "DELETE FROM sample_models_tag WHERE word = 'added' AND word = NEW.word",
        "INSERT INTO legacy VALUES (-1 - (SELECT count(*) FROM legacy), 'made')",
    ],
)
def test_trigger_that_changes_restored_rows_is_named_and_refused(
    orm_site: OrmSite, body: str
) -> None:
    orm_site.run("INSERT INTO sample_models_tag VALUES ('added')")
    dump = orm_site.dump()
    add_trigger(orm_site, "sample_models_tag", body)
    before = orm_site.fingerprint()
    with orm_site.client() as client:
        assert any("meddler" in warning for warning in client.dump_warnings())
    with pytest.raises(ClientError, match="does not hold the rows of the backup"):
        orm_site.restore(dump)
    assert orm_site.fingerprint() == before


@pytest.mark.thorough
def test_trigger_that_leaves_the_rows_alone_does_no_harm(orm_site: OrmSite) -> None:
    orm_site.run("CREATE TABLE journal (word varchar(50))")
    add_trigger(orm_site, "sample_models_tag", "INSERT INTO journal VALUES (NEW.word)")
    dump = orm_site.dump()
    orm_site.restore(dump)
    assert orm_site.dump() == dump


@pytest.mark.thorough
def test_rows_are_only_counted_when_the_option_says_so(orm_site: OrmSite) -> None:
    orm_site.run("INSERT INTO sample_models_tag VALUES ('added')")
    dump = orm_site.dump()
    add_trigger(
        orm_site,
        "sample_models_tag",
        "UPDATE sample_models_tag SET word = 'a' || word WHERE word = 'added'",
    )
    orm_site.restore(dump, verify_rows=False)
    assert orm_site.run("SELECT word FROM sample_models_tag WHERE word = 'aadded'")


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL"])
def test_rows_of_a_table_without_a_model_are_never_taken(orm_site: OrmSite, action: str) -> None:
    orm_site.run("INSERT INTO sample_models_tag VALUES ('added')")
    dump = orm_site.dump()
    orm_site.run(
        "CREATE TABLE outsider (id integer PRIMARY KEY, "
        f"word varchar(50) REFERENCES sample_models_tag ON DELETE {action})"
    )
    orm_site.run("INSERT INTO outsider VALUES (1, 'added')")
    before = orm_site.fingerprint()
    with pytest.raises(ClientError, match="outsider"):
        orm_site.restore(dump)
    assert orm_site.fingerprint() == before


@pytest.mark.parametrize("table", ["outsider", "sample_models_room"])
def test_excluded_rows_that_the_database_refers_to_are_refused(
    orm_site: OrmSite, table: str
) -> None:
    if table == "outsider":
        orm_site.run("CREATE TABLE outsider (id integer REFERENCES sample_models_note (id))")
    else:
        orm_site.run(
            f"ALTER TABLE {table} ADD COLUMN note_id integer REFERENCES sample_models_note (id)"
        )
    with (
        orm_site.client(exclude_data=["sample_models.Note"]) as client,
        pytest.raises(ClientError, match=f"{table} refers to sample_models.Note"),
    ):
        client.check_dump()


def test_inventory_counts_the_rows_of_the_dump(orm_site: OrmSite) -> None:
    with orm_site.client() as client, client.dump(stall_timeout=None) as source:
        while source.read(1 << 20):
            pass
        source.finish()
        inventory = client.dump_inventory()
    assert inventory is not None
    [(tags,)] = orm_site.run("SELECT count(*) FROM sample_models_tag")
    assert inventory.rows["sample_models_tag"] == tags
    assert {"every thing", "django_migrations", "legacy"} <= inventory.objects["table"]


def test_restore_of_what_the_manifest_does_not_say_is_refused(sqlite_orm_site: OrmSite) -> None:
    dump = sqlite_orm_site.dump()
    expected = Inventory({"table": frozenset({"legacy", "more"})}, {"legacy": 100})
    before = sqlite_orm_site.fingerprint()
    with (
        sqlite_orm_site.client() as client,
        client.restore(expected) as target,
    ):
        target.write(dump)
        with pytest.raises(ClientError, match="table more is missing"):
            target.finish()
    assert sqlite_orm_site.fingerprint() == before


def test_rows_that_a_policy_hides_are_an_error_not_missing(postgresql_orm_site: OrmSite) -> None:
    postgresql_orm_site.run("ALTER TABLE sample_models_tag ENABLE ROW LEVEL SECURITY")
    postgresql_orm_site.run("ALTER TABLE sample_models_tag FORCE ROW LEVEL SECURITY")
    postgresql_orm_site.run("CREATE POLICY few ON sample_models_tag USING (word = 'none')")
    with pytest.raises(ClientError, match="Cannot read"):
        postgresql_orm_site.dump()
    with contextlib.suppress(Error):
        postgresql_orm_site.run("ALTER TABLE sample_models_tag DISABLE ROW LEVEL SECURITY")
