"""A restored object is what it was, not only one of the same name."""

import pytest
from django.db import connections

from django_rclone.backups.inventory import Inventory
from django_rclone.clients.postgresql import PostgresqlClient
from django_rclone.clients.postgresql.definitions import DEFINITION
from tests.support.site import DjangoSite

MADE = """
    CREATE TABLE parent (id integer PRIMARY KEY, a integer, b integer, UNIQUE (a, b));
    CREATE TABLE other (id integer PRIMARY KEY);
    CREATE TABLE child (parent integer CONSTRAINT key REFERENCES parent, CONSTRAINT low CHECK (parent < 9));
    CREATE INDEX found ON parent (a);
    CREATE SEQUENCE counted;
    CREATE VIEW seen AS SELECT id FROM parent;
    CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION on_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER changed AFTER INSERT ON parent FOR EACH ROW EXECUTE FUNCTION on_change();
"""
KEY = "ALTER TABLE child DROP CONSTRAINT key, ADD CONSTRAINT key FOREIGN KEY (parent)"


def inventory(site: DjangoSite) -> Inventory:
    with (
        site.active(),
        PostgresqlClient(connections["default"], **site.database.options) as client,
        client.dump(stall_timeout=None) as dump,
    ):
        while dump.read(1 << 20):
            pass
        dump.finish()
        found = client.dump_inventory()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("CREATE OR REPLACE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 2'", "function"),
        ("ALTER FUNCTION f() SECURITY DEFINER", "function"),
        ("ALTER TABLE parent DISABLE TRIGGER changed", "trigger"),
        ("DROP INDEX found; CREATE UNIQUE INDEX found ON parent (a)", "index"),
        ("DROP INDEX found; CREATE INDEX found ON parent (b)", "index"),
        ("DROP INDEX found; CREATE INDEX found ON parent (a) WHERE a > 1", "index"),
        (f"{KEY} REFERENCES parent ON DELETE CASCADE", "constraint"),
        (f"{KEY} REFERENCES other", "constraint"),
        (
            "ALTER TABLE child DROP CONSTRAINT low, ADD CONSTRAINT low CHECK (parent < 9) NOT VALID",
            "constraint",
        ),
        ("CREATE OR REPLACE VIEW seen AS SELECT id FROM other", "view"),
        ("ALTER SEQUENCE counted INCREMENT 5", "sequence"),
    ],
)
def test_another_definition_under_the_same_name_is_another_inventory(
    site: DjangoSite, change: str, name: str
) -> None:
    site.database.run(MADE)
    before = inventory(site)
    assert before.differences(inventory(site)) == ()
    site.database.run(change)
    differences = before.differences(inventory(site))
    assert len(differences) == 2  # one is missing, the other is not in the backup
    assert all(one.startswith(f"{DEFINITION} (") and f" {name} " in one for one in differences)


def test_a_backup_in_another_encoding_is_recognized(site: DjangoSite) -> None:
    """Names, comments and functions are the same texts, in other bytes."""
    database = site.database
    live, latin = database.name, f"{database.name}_latin"
    database.server.run(
        f"CREATE DATABASE {latin} OWNER {database.role} TEMPLATE template0 ENCODING 'LATIN1' "
        "LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    database.name = database.settings["NAME"] = latin
    database.run(
        'CREATE TABLE "été" ("né" text)',
        """INSERT INTO "été" VALUES ('à')""",
        """COMMENT ON TABLE "été" IS 'âge'""",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''ça''::text'",
    )
    before = database.vendor_dump()
    site.back_up()
    database.name = database.settings["NAME"] = live
    site.restore()
    assert database.vendor_dump() == before
