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
from tests.integration.clients.orm import exhibits
from tests.integration.clients.orm.hall import ALIAS, Hall, opened
from tests.support.site import Site


def model(name: str) -> Any:
    return getattr(exhibits.model_module(), name)


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


def test_every_row_is_as_it_was(hall: Hall) -> None:
    exhibits.exact_numbers(ALIAS)
    before = hall.fingerprint()
    dump = hall.dump()
    hall.diverge()
    assert hall.fingerprint() != before
    hall.restore(dump)
    assert hall.fingerprint() == before
    assert hall.dump() == dump


def test_what_postgresql_alone_has_is_as_it_was(postgresql_hall: Hall) -> None:
    from psycopg.types.range import Range

    special = import_module(f"{exhibits.POSTGRES}.models").Special.objects
    moment = datetime.datetime(2024, 3, 31, 1, 30, 0, 123456, tzinfo=datetime.UTC)
    special.create()
    special.create(words=[], times=[], matrix=[], span=Range(empty=True))
    special.create(words=["a,b", '"', "", "ü\\"], times=[moment], matrix=[[1, None], [3, 4]])
    special.create(span=Range(1, 5, "[)"), prices=Range(None, "7.5", "(]"))
    special.create(open_at=Range(moment, None, "()"), span=Range(None, None))
    postgresql_hall.run("UPDATE \"every thing\" SET ratio = 'NaN' WHERE id = 2")
    postgresql_hall.run("UPDATE \"every thing\" SET ratio = '-Infinity' WHERE id = 3")
    before = postgresql_hall.fingerprint()
    dump = postgresql_hall.dump()
    special.all().delete()
    postgresql_hall.diverge()
    postgresql_hall.restore(dump)
    assert postgresql_hall.fingerprint() == before


def test_nothing_and_the_null_of_json_are_two_things(hall: Hall) -> None:
    dump = hall.dump()
    hall.diverge()
    hall.restore(dump)
    table = '"every thing"'
    assert hall.run(f"SELECT document FROM {table} WHERE id IN (1, 2) ORDER BY id") == [
        (None,),
        ("null",),
    ]


def test_a_disguised_field_is_copied_in_its_disguise(hall: Hall) -> None:
    model("Everything").objects.create(secret="plain: open sesame")
    before = hall.fingerprint()
    dump = hall.dump()
    assert b"sesame" not in dump
    hall.diverge()
    hall.restore(dump)
    assert hall.fingerprint() == before
    assert model("Everything").objects.latest("pk").secret == "plain: open sesame"


def test_no_signal_of_a_model_is_sent(hall: Hall) -> None:
    dump = hall.dump()
    heard = []

    def hear(signal: Any, sender: type, **_: Any) -> None:
        if sender.__name__ != "Migration":  # Django itself reads those
            heard.append((signal, sender))

    names = ("pre_init", "post_init", "pre_save", "post_save", "pre_delete", "post_delete")
    ours = [getattr(signals, name) for name in (*names, "m2m_changed")]
    for signal in ours:
        signal.connect(hear)
    try:
        hall.restore(dump)
        assert hall.dump() == dump
        assert heard == []
        model("Tag").objects.create(word="heard")
        assert heard != []
    finally:
        for signal in ours:
            signal.disconnect(hear)


def test_the_next_key_comes_after_the_highest(hall: Hall) -> None:
    highest = model("Artist").objects.latest("pk").pk
    dump = hall.dump()
    for _ in range(5):
        model("Artist").objects.create(name="later")
    hall.restore(dump)
    assert model("Artist").objects.create(name="new").pk > highest
    if hall.connection.vendor == "postgresql":
        assert model("Artist").objects.latest("pk").pk == highest + 1


def test_an_empty_database_gives_keys_that_are_free(postgresql_hall: Hall) -> None:
    dump = postgresql_hall.dump()
    postgresql_hall.run("TRUNCATE gallery_artist RESTART IDENTITY CASCADE")
    postgresql_hall.restore(dump)
    model("Artist").objects.create(name="new")


def test_a_restore_undone_does_not_move_the_keys(postgresql_hall: Hall) -> None:
    dump = postgresql_hall.dump()
    model("Artist").objects.create(name="later")
    sequences = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"
    before = postgresql_hall.run(sequences)
    postgresql_hall.run(
        'CREATE TABLE outsider (id integer REFERENCES "gallery_artist" DEFERRABLE INITIALLY DEFERRED)'
    )
    postgresql_hall.run("INSERT INTO outsider SELECT max(id) FROM gallery_artist")
    with pytest.raises(ClientError, match="violate a constraint"):
        postgresql_hall.restore(dump)
    assert postgresql_hall.run(sequences) == before


def test_tables_without_a_model_stay_and_are_named(hall: Hall) -> None:
    dump = hall.dump()
    with hall.client() as client:
        [warning] = [w for w in client.dump_warnings() if "without a model are" in w]
    assert warning.endswith(": without a model.")
    hall.run("INSERT INTO \"without a model\" VALUES ('later')")
    hall.restore(dump)
    assert hall.run('SELECT * FROM "without a model"') == [("kept",), ("later",)]


def test_a_view_is_no_table_and_a_table_that_is_elsewhere_is_not_missed(hall: Hall) -> None:
    header = json.loads(hall.dump().partition(b"\n")[0])
    labels = [table["model"] for table in header["tables"]]
    assert "gallery.Legacy" in labels
    absent = {"LegacyView", "LegacyElsewhere", "Swappable", "Nude"}
    assert not absent & {label.partition(".")[2] for label in labels}


class NoArtists:
    """A router."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if hints.get("model_name") == "stamped" else None


def test_routers_say_what_belongs_to_a_database(hall: Hall) -> None:
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.NoArtists"]):
        dump = hall.dump()
        assert b'"gallery.Stamped"' not in dump
        model("Stamped").all.create(title="stays")
        hall.restore(dump)
        assert model("Stamped").all.filter(title="stays").exists()
    assert b'"gallery.Stamped"' in hall.dump()


def test_computed_columns_are_left_to_the_database(hall: Hall) -> None:
    header = json.loads(hall.dump().partition(b"\n")[0])
    [table] = [t for t in header["tables"] if t["model"] == "gallery.Everything"]
    names = [name for name, _ in table["columns"]]
    assert "loud" not in names
    assert {"made", "a column; 'quoted'"} <= set(names)


def test_rows_left_out_are_missing_afterwards(hall: Hall) -> None:
    client = hall.client(exclude_data=["gallery.Note"])
    assert client.partial
    with client:
        client.check_dump()
    dump = hall.dump(exclude_data=["gallery.Note"])
    assert rows_of(dump, "gallery.Note") == []
    hall.restore(dump)
    assert not model("Note").objects.exists()
    assert model("Artist").objects.exists()


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("gallery.Nothing", "Cannot exclude 'gallery.Nothing'"),
        ("gallery.Work", "gallery.Artist refers to gallery.Work"),
    ],
)
def test_rows_that_cannot_be_left_out_are_told(sqlite_hall: Hall, label: str, said: str) -> None:
    with pytest.raises(ClientError, match=said):
        sqlite_hall.client(exclude_data=[label]).check_dump()


def test_another_set_of_migrations_is_refused_before_anything_is_touched(hall: Hall) -> None:
    hall.site.call("dbbackup")
    dump = hall.dump()
    hall.diverge()
    hall.run(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '7', '2024-01-01')"
    )
    live = hall.fingerprint()
    with pytest.raises(CommandError, match=r"older than shop\.7"):
        hall.site.call("dbrestore", "--noinput")
    with pytest.raises(ClientError, match=r"older than shop\.7"):
        hall.restore(dump.partition(b"\n")[0] + b"\n")
    later = hall.dump()
    hall.run("DELETE FROM django_migrations WHERE app = 'shop'")
    with pytest.raises(ClientError, match=r"not applied .*: shop\.7"):
        hall.restore(later)
    hall.run(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '7', '2024-01-01')"
    )
    hall.run("DELETE FROM django_migrations WHERE app = 'shop'")
    assert hall.fingerprint() == live.replace(*_line("django_migrations", live, hall))


def _line(table: str, before: str, hall: Hall) -> tuple[str, str]:
    """Return the line of a table in a fingerprint, as it was and as it is now."""
    lines = [
        next(line for line in text.splitlines() if line.startswith(f"{table}:"))
        for text in (before, hall.fingerprint())
    ]
    return lines[0], lines[1]


def test_a_model_that_changed_is_refused_by_its_name(hall: Hall) -> None:
    dump = hall.dump()
    hall.diverge()
    live = hall.fingerprint()
    for old, new, said in (
        (b'["took","DurationField"]', b'["took","TextField"]', "gallery.Everything.*column 'took'"),
        (
            b'"gallery.Tag"',
            b'"gallery.Gone"',
            "only in the backup or only here: gallery.Gone, gallery.Tag",
        ),
        (b'"table":"legacy"', b'"table":"lost"', "gallery.Legacy.*another name"),
        (b'"django_jsonl":1', b'"django_jsonl":2', "format version"),
        (
            b'["word","CharField"]',
            b'["word","CharField"],["x","CharField"]',
            "gallery.Tag.*more columns",
        ),
    ):
        assert old in dump
        with pytest.raises(ClientError, match=said):
            hall.restore(dump.replace(old, new))
    assert hall.fingerprint() == live


def test_rows_move_to_another_engine_when_it_is_named(
    sqlite_hall: Hall, postgresql: dict[str, Any], site: Site
) -> None:
    dump = sqlite_hall.dump()
    with Hall(site, postgresql).open() as there:
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


def test_no_hour_is_lost_where_times_have_no_zone(site: Site, postgresql: dict[str, Any]) -> None:
    zone = {"USE_TZ": False, "TIME_ZONE": "Europe/Berlin"}
    with override_settings(**zone), opened(site, postgresql) as hall:
        # Both are half past two, on the night that the clocks are put back.
        hall.run("UPDATE \"every thing\" SET at = '2024-10-27 00:30+00' WHERE id = 1")
        hall.run("UPDATE \"every thing\" SET at = '2024-10-27 01:30+00' WHERE id = 2")
        epochs = 'SELECT extract(epoch FROM at) FROM "every thing" ORDER BY id'
        before = hall.run(epochs)
        dump = hall.dump()
        hall.diverge()
        hall.restore(dump)
        assert hall.run(epochs) == before


@pytest.fixture
def manual(site: Site, postgresql: dict[str, Any]) -> Iterator[Hall]:
    """A database whose connections commit nothing by themselves."""
    with opened(site, postgresql) as hall:
        connections.settings[ALIAS]["AUTOCOMMIT"] = False
        hall.connection.settings_dict["AUTOCOMMIT"] = False
        with closing(hall.connection):
            yield hall


def test_connections_without_autocommit_are_committed_all_the_same(manual: Hall) -> None:
    before = manual.fingerprint()
    dump = manual.dump()
    exhibits.diverge(ALIAS)
    manual.connection.commit()
    manual.connection.close()
    assert manual.fingerprint() != before
    manual.restore(dump)
    assert manual.fingerprint() == before


def test_no_connection_stays_open(hall: Hall) -> None:
    dump = hall.dump()
    client = hall.client()
    for use in (
        client.check_dump,
        client.dump_warnings,
        lambda: client.check_restore(None),
        client.versions,
        lambda: hall.restore(dump),
    ):
        with client:
            use()
        assert hall.connection.connection is None


def test_an_open_transaction_of_the_site_survives_a_refusal(hall: Hall) -> None:
    with transaction.atomic(), hall.client():
        hall.connection.cursor().execute("UPDATE legacy SET title = 'written'")
    assert hall.run("SELECT DISTINCT title FROM legacy") == [("written",)]


@override_settings(DEBUG=True)
def test_no_query_is_kept_when_debugging(hall: Hall) -> None:
    dump = hall.dump()
    with hall.client() as client, client.restore() as target:
        target.write(dump)
        kept = sum(len(query["sql"]) for query in hall.connection.queries_log)
    assert kept < len(dump) / 10
