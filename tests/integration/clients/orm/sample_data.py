"""The sample models' tables: created, filled, changed."""

import datetime
import json
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.models import JSONField, Value
from django.test import override_settings

MODELS = "tests.integration.clients.orm.sample_models"
POSTGRES = "tests.integration.clients.orm.sample_models_postgresql"
CLIENT = "django_rclone.clients.orm.OrmClient"

_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django_rclone"]
_USER, _PERMISSION, _CONTENT_TYPE = "auth.User", "auth.Permission", "contenttypes.ContentType"
_UNMANAGED = """
CREATE TABLE legacy (code integer PRIMARY KEY, title varchar(50) NOT NULL);
CREATE VIEW legacy_view AS SELECT code FROM legacy;
CREATE TABLE "without a model" (word varchar(50));
INSERT INTO "without a model" VALUES ('kept')
"""


def settings_for(*more: str) -> dict[str, Any]:
    """Return the settings of a site with the sample models and ``more`` applications."""
    return {"INSTALLED_APPS": [*_APPS, MODELS, *more], "SAMPLE_MODELS_SWAPPABLE": "auth.Group"}


@contextmanager
def installed(*more: str) -> Iterator[None]:
    """Let the sample models and ``more`` applications be installed."""
    with override_settings(**settings_for(*more)):
        yield


def model_module() -> Any:
    """Return the models. Needs them installed."""
    return import_module(f"{MODELS}.models")


def create_tables(alias: str) -> None:
    """Make all tables of an empty database."""
    call_command("migrate", database=alias, verbosity=0)
    # The sample models have no migrations, and refer to models that do.
    call_command("migrate", database=alias, verbosity=0, run_syncdb=True)
    with connections[alias].cursor() as cursor:
        for statement in _UNMANAGED.split(";"):
            cursor.execute(statement.replace('"', connections[alias].ops.quote_name("x")[0]))


def add_rows(alias: str, *, rows: int = 300) -> None:
    """Fill every table with what is hard to carry. Needs them installed."""
    models = model_module()
    seeded = random.Random(1)
    everything = models.Everything.objects.using(alias)
    everything.bulk_create(_odd_rows(models))
    everything.bulk_create(
        [
            models.Everything(
                big=number,
                text="".join(chr(seeded.randrange(1, 0xD7FF)) for _ in range(50)),
                raw=seeded.randbytes(100),
                ratio=seeded.random(),
                price=Decimal(seeded.randrange(10**9)) / 10**4,
                at=datetime.datetime.fromtimestamp(number * 10**5 + 0.123457, datetime.UTC),
            )
            for number in range(rows)
        ]
    )
    models.Stamped.all.using(alias).bulk_create([models.Stamped(title=str(n)) for n in range(5)])
    old = datetime.datetime(1999, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC)
    models.Stamped.all.using(alias).update(created=old, updated=old)
    _hang(alias, models)
    users: Any = apps.get_model(_USER)
    user = users.objects.db_manager(alias).create_user("Zoë", password="x")
    user.user_permissions.set(apps.get_model(_PERMISSION).objects.using(alias).order_by("?")[:7])
    models.Legacy.objects.using(alias).bulk_create(
        [models.Legacy(code=n, title=f"légende {n}") for n in range(9)]
    )


def mutate(alias: str) -> None:
    """Change, delete and add rows, as time does after a backup."""
    models = model_module()
    models.Everything.objects.using(alias).filter(pk__gt=20).delete()
    models.Everything.objects.using(alias).update(text="changed", document={"new": True})
    models.Stamped.all.using(alias).create(title="later")
    models.Artist.objects.using(alias).update(masterpiece=None)
    models.Copy.objects.using(alias).all().delete()
    artist = models.Artist.objects.using(alias).create(name="later")
    models.Oil.objects.using(alias).create(artist=artist)
    models.Note.objects.using(alias).all().delete()
    models.Legacy.objects.using(alias).filter(code__lt=5).delete()
    apps.get_model(_CONTENT_TYPE).objects.using(alias).filter(
        app_label="auth", model="group"
    ).delete()
    users: Any = apps.get_model(_USER)
    users.objects.using(alias).all().delete()
    users.objects.db_manager(alias).create_user(str(uuid.uuid4()))


def _odd_rows(models: Any) -> list[Any]:
    make = models.Everything
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    return [
        make(),
        make(document=Value(None, JSONField()), text="", char="ß"),
        make(document={"a": None, "b": [1.0, 1, "\u2028"], "ü": "'\\"}, flag=True),
        make(document="text", flag=False, took=datetime.timedelta(days=-3, microseconds=1)),
        make(document=[], took=datetime.timedelta(days=4000, microseconds=999_999)),
        make(at=datetime.datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=zone)),
        make(at=datetime.datetime(1, 1, 2, tzinfo=datetime.UTC), day=datetime.date(1, 1, 1)),
        make(day=datetime.date(9999, 12, 31), clock=datetime.time(23, 59, 59, 999_999)),
        make(price=Decimal("9999999999.9999"), ratio=1e-308, big=-(2**63), small=0),
        make(price=Decimal("-0.0001"), ratio=0.1 + 0.2, big=2**63 - 1, small=32_767),
        make(key=uuid.UUID(int=1), raw=b"\x00\xff\n\\", address="::ffff:10.0.0.1"),
        make(raw=b"", address="192.168.0.1", file="files/über.txt", secret="hush"),
        make(secret="", count=3, spaced=7, text='line\nfeed\r\ttab "quoted" \\N \\. é 😀 \u2028'),
    ]


def _hang(alias: str, models: Any) -> None:
    """Put works on the walls, which refer to each other in all ways."""
    artists = [models.Artist.objects.using(alias).create(name=f"artist {n}") for n in range(6)]
    tags = [models.Tag.objects.using(alias).create(word=word) for word in ("ü", "it's", "x;--")]
    works = []
    for artist, later in zip(artists, [*artists[1:], artists[0]], strict=True):
        works.append(models.Work.objects.using(alias).create(artist=artist))
        works[-1].tags.set(tags)
        works.append(models.Oil.objects.using(alias).create(artist=later, colours=["red", None]))
        artist.teacher, artist.masterpiece = later, works[-2]
        artist.save(using=alias)
    copy = models.Copy.objects.using(alias).create(artist=artists[0], number=3, colours={})
    copy.inspired.set(works)
    for about in (works[0], copy, tags[1]):
        models.Note.objects.using(alias).create(about=about)
    for name in ("hall", "cellar"):
        room = models.Room.objects.using(alias).create(slug=name)
        for wall in range(3):
            models.Place.objects.using(alias).create(room_id=room.pk, wall=wall)


def exact_numbers(alias: str) -> None:
    """Put numbers into a document that no float can hold."""
    text = json.dumps({"n": 0}).replace("0", "1.23456789012345678901234567890")
    table = connections[alias].ops.quote_name("every thing")
    with connections[alias].cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET document = %s WHERE id = 3", [text])
