"""Models with what PostgreSQL alone has."""

# Nobody looks at these models: they need no names.
# ruff: noqa: DJ008

from django.contrib.postgres.fields import (
    ArrayField,
    DateTimeRangeField,
    DecimalRangeField,
    IntegerRangeField,
)
from django.db import models


class Special(models.Model):
    """A column of every special kind."""

    words = ArrayField(models.CharField(max_length=50), null=True)
    times = ArrayField(models.DateTimeField(), null=True)
    matrix = ArrayField(ArrayField(models.IntegerField(null=True)), null=True)
    span = IntegerRangeField(null=True)
    prices = DecimalRangeField(null=True)
    open_at = DateTimeRangeField(null=True)
