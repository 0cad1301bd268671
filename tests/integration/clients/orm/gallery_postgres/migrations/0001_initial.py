import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Special",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "words",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=50), null=True, size=None
                    ),
                ),
                (
                    "times",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DateTimeField(), null=True, size=None
                    ),
                ),
                (
                    "matrix",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=django.contrib.postgres.fields.ArrayField(
                            base_field=models.IntegerField(null=True), size=None
                        ),
                        null=True,
                        size=None,
                    ),
                ),
                ("span", django.contrib.postgres.fields.ranges.IntegerRangeField(null=True)),
                ("prices", django.contrib.postgres.fields.ranges.DecimalRangeField(null=True)),
                ("open_at", django.contrib.postgres.fields.ranges.DateTimeRangeField(null=True)),
            ],
        ),
    ]
