import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.db import migrations, models

import tests.integration.clients.orm.gallery.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="Legacy",
            fields=[
                ("code", models.IntegerField(primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=50)),
            ],
            options={
                "db_table": "legacy",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="LegacyElsewhere",
            fields=[
                ("code", models.IntegerField(primary_key=True, serialize=False)),
            ],
            options={
                "db_table": "legacy_elsewhere",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="LegacyView",
            fields=[
                ("code", models.IntegerField(primary_key=True, serialize=False)),
            ],
            options={
                "db_table": "legacy_view",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Swappable",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "swappable": "GALLERY_SWAPPABLE",
            },
        ),
        migrations.CreateModel(
            name="Everything",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("small", models.PositiveSmallIntegerField(null=True)),
                ("big", models.BigIntegerField(null=True)),
                ("flag", models.BooleanField(null=True)),
                ("text", models.TextField(null=True)),
                ("char", models.CharField(default="", max_length=50)),
                ("price", models.DecimalField(decimal_places=4, max_digits=14, null=True)),
                ("ratio", models.FloatField(null=True)),
                ("day", models.DateField(null=True)),
                ("clock", models.TimeField(null=True)),
                ("at", models.DateTimeField(null=True)),
                ("took", models.DurationField(null=True)),
                ("key", models.UUIDField(null=True)),
                ("raw", models.BinaryField(null=True)),
                ("document", models.JSONField(null=True)),
                ("address", models.GenericIPAddressField(null=True)),
                ("file", models.FileField(blank=True, upload_to="files")),
                ("secret", tests.integration.clients.orm.gallery.models.SecretField(null=True)),
                ("count", tests.integration.clients.orm.gallery.models.CountField(null=True)),
                ("spaced", models.IntegerField(db_column="a column; 'quoted'", null=True)),
                (
                    "loud",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Upper("char"),
                        output_field=models.CharField(max_length=50),
                    ),
                ),
                (
                    "made",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "db_table": "every thing",
            },
        ),
        migrations.CreateModel(
            name="Work",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name="Room",
            fields=[
                (
                    "slug",
                    tests.integration.clients.orm.gallery.models.SlugField(
                        max_length=50, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Stamped",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=50)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("updated", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["-updated"],
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                ("word", models.CharField(max_length=50, primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name="Artist",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=50)),
                (
                    "teacher",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, to="gallery.artist"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Nude",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("gallery.artist",),
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("object_id", models.CharField(max_length=50)),
                (
                    "content_type",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="contenttypes.contenttype"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Oil",
            fields=[
                (
                    "work_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to="gallery.work",
                    ),
                ),
                ("colours", models.JSONField(default=list)),
            ],
            bases=("gallery.work",),
        ),
        migrations.AddField(
            model_name="work",
            name="artist",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, to="gallery.artist"
            ),
        ),
        migrations.AddField(
            model_name="work",
            name="inspired",
            field=models.ManyToManyField(to="gallery.work"),
        ),
        migrations.AddField(
            model_name="artist",
            name="masterpiece",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="gallery.work",
            ),
        ),
        migrations.CreateModel(
            name="Place",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "room_id",
                        "wall",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("wall", models.IntegerField()),
                (
                    "room",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="gallery.room"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="work",
            name="tags",
            field=models.ManyToManyField(to="gallery.tag"),
        ),
        migrations.CreateModel(
            name="Copy",
            fields=[
                (
                    "oil_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to="gallery.oil",
                    ),
                ),
                ("number", models.IntegerField()),
            ],
            bases=("gallery.oil",),
        ),
    ]
