"""Models with some of everything that models can be."""

# Nobody looks at these models: they need no names, and are grouped by what they try.
# ruff: noqa: DJ008, DJ012

import codecs
import uuid
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.functions import Now, Upper


class HiddenRows(models.Manager):
    """Hides what it can."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(pk__lt=0)


class SecretField(models.TextField):
    """Stores its text in a disguise."""

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return None if value is None else "plain: " + codecs.decode(value, "rot13")

    def get_prep_value(self, value: str | None) -> str | None:
        return None if value is None else codecs.encode(value.removeprefix("plain: "), "rot13")


class Slug:
    """A key that is more than its text."""

    def __init__(self, text: str) -> None:
        self.text = text


class SlugField(models.Field):
    """Derives from nothing that Django has, and stores what one of its fields does."""

    def get_internal_type(self) -> str:
        return "CharField"

    def from_db_value(self, value: str | None, *_: Any) -> Slug | None:
        return None if value is None else Slug(value)

    def get_prep_value(self, value: Slug | str | None) -> str | None:
        return value.text if isinstance(value, Slug) else value


class CountField(models.TextField):
    """Derives from a field whose column it does not have."""

    def db_type(self, connection: Any) -> str:
        return "integer"

    def to_python(self, value: Any) -> Any:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(value)


class Everything(models.Model):
    """A column of every kind."""

    small = models.PositiveSmallIntegerField(null=True)
    big = models.BigIntegerField(null=True)
    flag = models.BooleanField(null=True)
    text = models.TextField(null=True)  # noqa: DJ001 - nothing and no text are two things
    char = models.CharField(max_length=50, default="")
    price = models.DecimalField(max_digits=14, decimal_places=4, null=True)
    ratio = models.FloatField(null=True)
    day = models.DateField(null=True)
    clock = models.TimeField(null=True)
    at = models.DateTimeField(null=True)
    took = models.DurationField(null=True)
    key = models.UUIDField(null=True)
    raw = models.BinaryField(null=True)
    document = models.JSONField(null=True)
    address = models.GenericIPAddressField(null=True)
    file = models.FileField(upload_to="files", blank=True)
    secret = SecretField(null=True)
    count = CountField(null=True)
    spaced = models.IntegerField(null=True, db_column="a column; 'quoted'")
    loud = models.GeneratedField(
        expression=Upper("char"), output_field=models.CharField(max_length=50), db_persist=True
    )
    made = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "every thing"


class Stamped(models.Model):
    """Times that saving would change, and rows that its managers hide."""

    title = models.CharField(max_length=50)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    objects = HiddenRows()
    all = models.Manager()

    class Meta:
        base_manager_name = "objects"
        ordering = ["-updated"]


class Artist(models.Model):
    """Refers to itself, and to what refers to it."""

    name = models.CharField(max_length=50)
    teacher = models.ForeignKey("self", models.SET_NULL, null=True)
    masterpiece = models.ForeignKey("Work", models.SET_NULL, null=True, related_name="+")


class Tag(models.Model):
    """Its key is a text."""

    word = models.CharField(max_length=50, primary_key=True)


class Work(models.Model):
    """Refers in all ways."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    artist = models.ForeignKey(Artist, models.CASCADE)
    tags = models.ManyToManyField(Tag)
    inspired = models.ManyToManyField("self", symmetrical=False)


class Oil(Work):
    """Inherits by a table of its own."""

    colours = models.JSONField(default=list)


class Copy(Oil):
    """Inherits twice."""

    number = models.IntegerField()


class Nude(Artist):
    """A proxy has no table."""

    class Meta:
        proxy = True


class Note(models.Model):
    """Is about anything."""

    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.CharField(max_length=50)
    about = GenericForeignKey()


class Room(models.Model):
    """Its key is a field of our own."""

    slug = SlugField(max_length=50, primary_key=True)


class Place(models.Model):
    """Its key is made of two columns, one of them a reference."""

    pk = models.CompositePrimaryKey("room_id", "wall")
    room = models.ForeignKey(Room, models.CASCADE)
    wall = models.IntegerField()


class Swappable(models.Model):
    """Is swapped, and has no table."""

    class Meta:
        swappable = "SAMPLE_MODELS_SWAPPABLE"


class Legacy(models.Model):
    """A table that Django does not manage."""

    code = models.IntegerField(primary_key=True)
    title = models.CharField(max_length=50)

    class Meta:
        managed = False
        db_table = "legacy"


class LegacyView(models.Model):
    """A view."""

    code = models.IntegerField(primary_key=True)

    class Meta:
        managed = False
        db_table = "legacy_view"


class LegacyElsewhere(models.Model):
    """A table that is not here."""

    code = models.IntegerField(primary_key=True)

    class Meta:
        managed = False
        db_table = "legacy_elsewhere"
