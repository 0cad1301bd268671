"""What comes back, and what stays as it is."""

import datetime
import json
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connections, transaction
from django.db.models import signals
from django.test import override_settings

from django_rclone.exceptions import ClientError
from tests.integration.clients.orm import sample_data
from tests.integration.clients.orm.orm_site import ALIAS, OrmSite, opened
from tests.support.databases import PostgresqlDatabase
from tests.support.site import DjangoSite


def model(name: str) -> Any:
    return getattr(sample_data.model_module(), name)


def rows_of(dump: bytes, label: str) -> list[list[Any]]:
    """Return the rows of a model that a dump holds."""
    found: dict[str, list[list[Any]]] = {}
    current = ""
    for line in map(json.loads, dump.splitlines()):
        if isinstance(line, list):
            found[current].append(line)
        elif set(line) == {"model"}:
            current = line["model"]
            found[current] = []
    return found[label]


def test_every_row_is_as_it_was(orm_site: OrmSite) -> None:
    sample_data.exact_numbers(ALIAS)
    before = orm_site.fingerprint()
    dump = orm_site.dump()
    orm_site.mutate()
    assert orm_site.fingerprint() != before
    orm_site.restore(dump)
    assert orm_site.fingerprint() == before
    assert orm_site.dump() == dump


def test_columns_of_postgresql_alone_are_restored(postgresql_orm_site: OrmSite) -> None:
    from psycopg.types.range import Range

    special = import_module(f"{sample_data.POSTGRES}.models").Special.objects
    moment = datetime.datetime(2024, 3, 31, 1, 30, 0, 123456, tzinfo=datetime.UTC)
    special.create()
    special.create(words=[], times=[], matrix=[], span=Range(empty=True))
    special.create(words=["a,b", '"', "", "ü\\"], times=[moment], matrix=[[1, None], [3, 4]])
    special.create(span=Range(1, 5, "[)"), prices=Range(None, "7.5", "(]"))
    special.create(open_at=Range(moment, None, "()"), span=Range(None, None))
    postgresql_orm_site.run("UPDATE \"every thing\" SET ratio = 'NaN' WHERE id = 2")
    postgresql_orm_site.run("UPDATE \"every thing\" SET ratio = '-Infinity' WHERE id = 3")
    before = postgresql_orm_site.fingerprint()
    dump = postgresql_orm_site.dump()
    special.all().delete()
    postgresql_orm_site.mutate()
    postgresql_orm_site.restore(dump)
    assert postgresql_orm_site.fingerprint() == before


def test_nothing_and_the_null_of_json_are_two_things(orm_site: OrmSite) -> None:
    dump = orm_site.dump()
    orm_site.mutate()
    orm_site.restore(dump)
    table = '"every thing"'
    assert orm_site.run(f"SELECT document FROM {table} WHERE id IN (1, 2) ORDER BY id") == [
        (None,),
        ("null",),
    ]


def test_an_encoded_field_is_copied_as_stored(orm_site: OrmSite) -> None:
    model("Everything").objects.create(secret="plain: open sesame")
    before = orm_site.fingerprint()
    dump = orm_site.dump()
    assert b"sesame" not in dump
    orm_site.mutate()
    orm_site.restore(dump)
    assert orm_site.fingerprint() == before
    assert model("Everything").objects.latest("pk").secret == "plain: open sesame"


def test_no_signal_of_a_model_is_sent(orm_site: OrmSite) -> None:
    dump = orm_site.dump()
    heard = []

    def hear(signal: Any, sender: type, **_: Any) -> None:
        if sender.__name__ != "Migration":  # Django itself reads those
            heard.append((signal, sender))

    names = ("pre_init", "post_init", "pre_save", "post_save", "pre_delete", "post_delete")
    ours = [getattr(signals, name) for name in (*names, "m2m_changed")]
    for signal in ours:
        signal.connect(hear)
    try:
        orm_site.restore(dump)
        assert orm_site.dump() == dump
        assert heard == []
        model("Tag").objects.create(word="heard")
        assert heard != []
    finally:
        for signal in ours:
            signal.disconnect(hear)


def test_the_next_key_comes_after_the_highest(orm_site: OrmSite) -> None:
    highest = model("Artist").objects.latest("pk").pk
    dump = orm_site.dump()
    for _ in range(5):
        model("Artist").objects.create(name="later")
    orm_site.restore(dump)
    assert model("Artist").objects.create(name="new").pk > highest
    if orm_site.connection.vendor == "postgresql":
        assert model("Artist").objects.latest("pk").pk == highest + 1


def test_an_empty_database_gives_keys_that_are_free(postgresql_orm_site: OrmSite) -> None:
    dump = postgresql_orm_site.dump()
    postgresql_orm_site.run("TRUNCATE sample_models_artist RESTART IDENTITY CASCADE")
    postgresql_orm_site.restore(dump)
    model("Artist").objects.create(name="new")


def test_a_restore_undone_does_not_move_the_keys(postgresql_orm_site: OrmSite) -> None:
    dump = postgresql_orm_site.dump()
    model("Artist").objects.create(name="later")
    sequences = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"
    before = postgresql_orm_site.run(sequences)
    postgresql_orm_site.run(
        'CREATE TABLE outsider (id integer REFERENCES "sample_models_artist" DEFERRABLE INITIALLY DEFERRED)'
    )
    postgresql_orm_site.run("INSERT INTO outsider SELECT max(id) FROM sample_models_artist")
    with pytest.raises(ClientError, match="violate a constraint"):
        postgresql_orm_site.restore(dump)
    assert postgresql_orm_site.run(sequences) == before


def test_tables_without_a_model_stay_and_are_named(orm_site: OrmSite) -> None:
    dump = orm_site.dump()
    with orm_site.client() as client:
        [warning] = [w for w in client.dump_warnings() if "without a model are" in w]
    assert warning.endswith(": without a model.")
    orm_site.run("INSERT INTO \"without a model\" VALUES ('later')")
    orm_site.restore(dump)
    assert orm_site.run('SELECT * FROM "without a model"') == [("kept",), ("later",)]


def test_views_and_tables_of_other_databases_are_left_out(orm_site: OrmSite) -> None:
    header = json.loads(orm_site.dump().partition(b"\n")[0])
    labels = [table["model"] for table in header["tables"]]
    assert "sample_models.Legacy" in labels
    absent = {"LegacyView", "LegacyElsewhere", "Swappable", "Nude"}
    assert not absent & {label.partition(".")[2] for label in labels}


class NoArtists:
    """A router."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if hints.get("model_name") == "stamped" else None


def test_routers_say_what_belongs_to_a_database(orm_site: OrmSite) -> None:
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.NoArtists"]):
        dump = orm_site.dump()
        assert b'"sample_models.Stamped"' not in dump
        model("Stamped").all.create(title="stays")
        orm_site.restore(dump)
        assert model("Stamped").all.filter(title="stays").exists()
    assert b'"sample_models.Stamped"' in orm_site.dump()


def test_computed_columns_are_left_to_the_database(orm_site: OrmSite) -> None:
    header = json.loads(orm_site.dump().partition(b"\n")[0])
    [table] = [t for t in header["tables"] if t["model"] == "sample_models.Everything"]
    names = [name for name, _ in table["columns"]]
    assert "loud" not in names
    assert {"made", "a column; 'quoted'"} <= set(names)


def test_rows_left_out_are_missing_afterwards(orm_site: OrmSite) -> None:
    client = orm_site.client(exclude_data=["sample_models.Note"])
    assert client.partial
    with client:
        client.check_dump()
    dump = orm_site.dump(exclude_data=["sample_models.Note"])
    assert rows_of(dump, "sample_models.Note") == []
    orm_site.restore(dump)
    assert not model("Note").objects.exists()
    assert model("Artist").objects.exists()


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("sample_models.Nothing", "Cannot exclude 'sample_models.Nothing'"),
        ("sample_models.Work", "sample_models.Artist refers to sample_models.Work"),
    ],
)
def test_rows_that_cannot_be_left_out_are_reported(
    sqlite_orm_site: OrmSite, label: str, said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        sqlite_orm_site.client(exclude_data=[label]).check_dump()


def test_another_set_of_migrations_is_refused_before_anything_is_touched(orm_site: OrmSite) -> None:
    orm_site.site.call("dbbackup")
    dump = orm_site.dump()
    orm_site.mutate()
    orm_site.run(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '7', '2024-01-01')"
    )
    live = orm_site.fingerprint()
    with pytest.raises(CommandError, match=r"older than shop\.7"):
        orm_site.site.call("dbrestore", "--noinput")
    with pytest.raises(ClientError, match=r"older than shop\.7"):
        orm_site.restore(dump.partition(b"\n")[0] + b"\n")
    later = orm_site.dump()
    orm_site.run("DELETE FROM django_migrations WHERE app = 'shop'")
    with pytest.raises(ClientError, match=r"not applied .*: shop\.7"):
        orm_site.restore(later)
    orm_site.run(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '7', '2024-01-01')"
    )
    orm_site.run("DELETE FROM django_migrations WHERE app = 'shop'")
    assert orm_site.fingerprint() == live.replace(*_line("django_migrations", live, orm_site))


def _line(table: str, before: str, orm_site: OrmSite) -> tuple[str, str]:
    """Return the line of a table in a fingerprint, as it was and as it is now."""
    lines = [
        next(line for line in text.splitlines() if line.startswith(f"{table}:"))
        for text in (before, orm_site.fingerprint())
    ]
    return lines[0], lines[1]


def test_a_model_that_changed_is_refused_by_its_name(orm_site: OrmSite) -> None:
    dump = orm_site.dump()
    orm_site.mutate()
    live = orm_site.fingerprint()
    for old, new, said in (
        (
            b'["took","DurationField"]',
            b'["took","TextField"]',
            "sample_models.Everything.*column 'took'",
        ),
        (
            b'"sample_models.Tag"',
            b'"sample_models.Gone"',
            "only in the backup or only here: sample_models.Gone, sample_models.Tag",
        ),
        (b'"table":"legacy"', b'"table":"lost"', "sample_models.Legacy.*another name"),
        (b'"django_jsonl":1', b'"django_jsonl":2', "format version"),
        (
            b'["word","CharField"]',
            b'["word","CharField"],["x","CharField"]',
            "sample_models.Tag.*more columns",
        ),
    ):
        assert old in dump
        with pytest.raises(ClientError, match=said):
            orm_site.restore(dump.replace(old, new))
    assert orm_site.fingerprint() == live


def test_rows_move_to_another_engine_when_it_is_named(
    sqlite_orm_site: OrmSite, postgresql: PostgresqlDatabase, site: DjangoSite
) -> None:
    dump = sqlite_orm_site.dump()
    with OrmSite(site, postgresql.settings).open() as there:
        assert there.connection.vendor == "postgresql"
        assert not there.client().accepts("sqlite", "django_jsonl")
        with pytest.raises(ClientError, match="is of a sqlite database"):
            there.restore(dump)
        assert there.client(from_vendors=["sqlite"]).accepts("sqlite", "django_jsonl")
        there.restore(dump, from_vendors=["sqlite"])
        moved = there.dump()
    tables = json.loads(dump.partition(b"\n")[0])["tables"]
    for table in tables:
        names = [name for name, _ in table["columns"]]
        # PostgreSQL keeps documents in a form of its own.
        kept = [number for number, name in enumerate(names) if name != "document"]
        then, now = (
            sorted(repr([row[n] for n in kept]) for row in rows_of(one, table["model"]))
            for one in (dump, moved)
        )
        assert then == now, table["model"]


def test_no_hour_is_lost_where_times_have_no_zone(
    site: DjangoSite, postgresql: PostgresqlDatabase
) -> None:
    zone = {"USE_TZ": False, "TIME_ZONE": "Europe/Berlin"}
    with override_settings(**zone), opened(site, postgresql.settings) as orm_site:
        # Both are half past two, on the night that the clocks are put back.
        orm_site.run("UPDATE \"every thing\" SET at = '2024-10-27 00:30+00' WHERE id = 1")
        orm_site.run("UPDATE \"every thing\" SET at = '2024-10-27 01:30+00' WHERE id = 2")
        epochs = 'SELECT extract(epoch FROM at) FROM "every thing" ORDER BY id'
        before = orm_site.run(epochs)
        dump = orm_site.dump()
        orm_site.mutate()
        orm_site.restore(dump)
        assert orm_site.run(epochs) == before


@pytest.fixture
def manual(site: DjangoSite, postgresql: PostgresqlDatabase) -> Iterator[OrmSite]:
    """A database whose connections commit nothing by themselves."""
    with opened(site, postgresql.settings) as orm_site:
        connections.settings[ALIAS]["AUTOCOMMIT"] = False
        orm_site.connection.settings_dict["AUTOCOMMIT"] = False
        with closing(orm_site.connection):
            yield orm_site


def test_connections_without_autocommit_are_committed_all_the_same(manual: OrmSite) -> None:
    before = manual.fingerprint()
    dump = manual.dump()
    sample_data.mutate(ALIAS)
    manual.connection.commit()
    manual.connection.close()
    assert manual.fingerprint() != before
    manual.restore(dump)
    assert manual.fingerprint() == before


def test_no_connection_stays_open(orm_site: OrmSite) -> None:
    dump = orm_site.dump()
    client = orm_site.client()
    for use in (
        client.check_dump,
        client.dump_warnings,
        lambda: client.check_restore(None),
        client.versions,
        lambda: orm_site.restore(dump),
    ):
        with client:
            use()
        assert orm_site.connection.connection is None


def test_an_open_transaction_of_the_site_survives_a_refusal(orm_site: OrmSite) -> None:
    with transaction.atomic(), orm_site.client():
        orm_site.connection.cursor().execute("UPDATE legacy SET title = 'written'")
    assert orm_site.run("SELECT DISTINCT title FROM legacy") == [("written",)]


@override_settings(DEBUG=True)
def test_no_query_is_kept_when_debugging(orm_site: OrmSite) -> None:
    dump = orm_site.dump()
    with orm_site.client() as client, client.restore() as target:
        target.write(dump)
        kept = sum(len(query["sql"]) for query in orm_site.connection.queries_log)
    assert kept < len(dump) / 10
