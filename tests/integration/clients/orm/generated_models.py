"""Generated models with rows: fields of all kinds, and rather the unpleasant."""

import datetime
import math
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import connections, models
from django.db.models.functions import Length, Upper
from hypothesis import strategies as st

LABEL = "contenttypes"
"""The application that the models belong to: the smallest that there is."""
COLUMNS = (
    *("plain", "select", "Order", "it's", "a b", "semi;colon", "per cent", "日本語", "Zoë", "--x"),
    *("new\nline", "back\\slash", "x" * 60, "NULL", "rowid", "group", "{0}", "1", "tab\t"),
)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["", " ", "\x00", "null", "NULL", "it's", '"', "\\", "\n", "\u2028", "😀", "1.0", "a" * 500]
)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | _TEXTS
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)
_SECONDS = st.timedeltas(datetime.timedelta(days=-9999), datetime.timedelta(days=9999))

FIELDS: dict[str, tuple[Callable[..., Any], st.SearchStrategy[Any]]] = {
    "text": (models.TextField, _TEXTS),
    "char": (lambda **more: models.CharField(max_length=600, **more), _TEXTS),
    "integer": (models.IntegerField, st.integers(-(2**31), 2**31 - 1)),
    "big": (models.BigIntegerField, st.integers(-(2**63), 2**63 - 1)),
    "positive": (models.PositiveSmallIntegerField, st.integers(0, 32767)),
    "float": (models.FloatField, st.floats(allow_nan=False) | st.sampled_from([math.inf, -0.0])),
    "decimal": (
        lambda **more: models.DecimalField(max_digits=15, decimal_places=5, **more),
        st.decimals(Decimal(-(10**9)), Decimal(10**9), places=5),
    ),
    "flag": (models.BooleanField, st.booleans()),
    "date": (models.DateField, st.dates()),
    "time": (models.TimeField, st.times()),
    "at": (models.DateTimeField, st.datetimes(timezones=st.just(datetime.UTC))),
    "took": (models.DurationField, _SECONDS),
    "uuid": (models.UUIDField, st.uuids()),
    "raw": (models.BinaryField, st.binary(max_size=50)),
    "json": (models.JSONField, _JSON),
    "address": (models.GenericIPAddressField, st.ip_addresses().map(str)),
}
_KEYS: dict[str, Callable[[], Any] | None] = {
    "auto": None,
    "big auto": lambda: models.BigAutoField(primary_key=True),
    "integer": lambda: models.IntegerField(primary_key=True),
    "char": lambda: models.CharField(max_length=600, primary_key=True),
    "uuid": lambda: models.UUIDField(primary_key=True),
}


class HidingManager(models.Manager):
    """Hides every row."""

    def get_queryset(self) -> Any:
        return super().get_queryset().none()


class Plan:
    """A generated model: its fields, and what its rows hold."""

    def __init__(
        self, draw: Callable[[st.SearchStrategy[Any]], Any], earlier: "list[Plan]"
    ) -> None:
        number = len(earlier)
        self.name = f"Generated{number}"
        self.table = draw(st.sampled_from([None, *COLUMNS]))
        self.key = draw(st.sampled_from([*_KEYS]))
        self.fields = draw(
            st.lists(
                st.tuples(st.sampled_from([*FIELDS]), st.booleans(), st.sampled_from(COLUMNS)),
                max_size=6,
                unique_by=lambda one: one[2].casefold(),
            )
        )
        self.refers_to = draw(st.none() | st.integers(0, number))
        self.many = draw(st.none() | st.integers(0, number - 1)) if number else None
        self.parent = draw(st.sampled_from([None, None, number - 1])) if number else None
        self.root: Plan = self if self.parent is None else earlier[self.parent].root
        self.computed = draw(st.booleans())
        self.hides = draw(st.booleans())
        self.rows = draw(st.lists(self._row(), max_size=6))

    def __repr__(self) -> str:
        shown = {name: value for name, value in vars(self).items() if name != "root"}
        return f"{self.name}: {shown}"

    def _row(self) -> st.SearchStrategy[dict[str, Any]]:
        # The null of JSON would be that of SQL.
        kinds = {
            name: one[1].filter(lambda value: value is not None) for name, one in FIELDS.items()
        }
        values = {
            f"field{n}": kinds[kind] | st.none() if null else kinds[kind]
            for n, (kind, null, _) in enumerate(self.root.fields)
        }
        return st.fixed_dictionaries({"own": _TEXTS, **values})

    def make(self, made: list[Any]) -> Any:
        """Return the model."""
        namespace: dict[str, Any] = {"__module__": __name__}
        namespace["own"] = models.TextField()
        for n, (kind, null, column) in enumerate(self.fields):
            namespace[f"field{n}"] = FIELDS[kind][0](null=null, db_column=column)
        base: Any = models.Model
        if self.parent is not None:
            # Names of fields would clash: the child has none but its own.
            base = made[self.parent]
            namespace = {"__module__": namespace["__module__"]}
            namespace[f"child_{self.name}"] = models.TextField(default="child")
        elif make := _KEYS[self.key]:
            namespace["id"] = make()
        if self.refers_to is not None:
            target = "self" if self.refers_to >= len(made) else made[self.refers_to]
            namespace[f"ref_{self.name}"] = models.ForeignKey(
                target, models.CASCADE, null=True, related_name="+", db_column="ref's;"
            )
        if self.many is not None:
            namespace[f"many_{self.name}"] = models.ManyToManyField(
                made[self.many], related_name="+"
            )
        if self.computed and self.parent is None:
            namespace["loud"] = models.GeneratedField(
                expression=Upper("own"), output_field=models.TextField(), db_persist=True
            )
            namespace["long"] = models.GeneratedField(
                expression=Length("own"), output_field=models.IntegerField(), db_persist=False
            )
        if self.hides:
            namespace["objects"] = HidingManager()
        options: dict[str, Any] = {"app_label": LABEL}
        if self.table:
            options["db_table"] = f"{self.table} {self.name}"
        namespace["Meta"] = type("Meta", (), options)
        return type(self.name, (base,), namespace)


@st.composite
def plans(draw: Callable[[st.SearchStrategy[Any]], Any]) -> list[Plan]:
    """Return some models that refer to each other."""
    made: list[Plan] = []
    for _ in range(draw(st.integers(1, 4))):
        made.append(Plan(draw, made))
    return made


@contextmanager
def generated(chosen: list[Plan], alias: str) -> Iterator[list[Any]]:
    """Let the models exist, with tables in the database. Needs their application."""
    registered = apps.all_models[LABEL]
    before = dict(registered)
    made: list[Any] = []
    try:
        for plan in chosen:
            made.append(plan.make(made))
        create_tables(made, alias)
        yield made
    finally:
        registered.clear()
        registered.update(before)
        apps.clear_cache()


def create_tables(made: list[Any], alias: str) -> None:
    """Create the tables of the models."""
    connection = connections[alias]
    with connection.schema_editor() as editor:
        for model in made:
            editor.create_model(model)


def add_rows(chosen: list[Plan], made: list[Any], alias: str, *, shift: int = 0) -> None:
    """Fill the tables; ``shift`` makes the keys others."""
    for plan, model in zip(chosen, made, strict=True):
        for number, values in enumerate(plan.rows):
            row = model(**_key(plan.root, number * 3 + shift + 100 * made.index(model)), **values)
            if plan.refers_to is not None and plan.refers_to < len(made):
                target = made[plan.refers_to]
                found = models.QuerySet(target, using=alias).order_by("pk").last()
                setattr(row, f"ref_{plan.name}", found)
            row.save(using=alias, force_insert=True)
            if plan.many is not None:
                others: list[Any] = list(models.QuerySet(made[plan.many], using=alias)[:2])
                getattr(row, f"many_{plan.name}").add(*others)


def _key(plan: Plan, number: int) -> dict[str, Any]:
    keys: dict[str, Any] = {"char": f"{'ß' * (number % 3)} key {number}", "integer": number - 5}
    if plan.key == "uuid":
        return {"id": uuid.UUID(int=(number * 7919) << 64)}
    return {"id": keys[plan.key]} if plan.key in keys else {}
