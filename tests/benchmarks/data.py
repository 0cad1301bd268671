"""Seeded data of a shop: words, numbers and pictures, of which some compress and some do not."""

import datetime
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Row = tuple[Any, ...]

_CUSTOMERS, _PURCHASES, _ATTACHMENTS = 700, 2_000, 20
"""Rows for each megabyte: about 0.4 MB, 0.2 MB, and 0.4 MB of random bytes."""
_PICTURE = (5_000, 35_000)
_BORN = datetime.datetime(2020, 1, 1)  # noqa: DTZ001 - the columns have no time zone


@dataclass(frozen=True)
class Table:
    """A table: its columns, how many they are, and how many rows a megabyte has."""

    name: str
    columns: str
    width: int
    per_megabyte: int
    index: str = ""


TABLES = (
    Table(
        "customer",
        "id integer PRIMARY KEY, name varchar(80) NOT NULL, email varchar(120) NOT NULL,"
        " note text NOT NULL, created {timestamp} NOT NULL",
        5,
        _CUSTOMERS,
        "email",
    ),
    Table(
        "purchase",
        "id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customer (id),"
        " amount decimal(12, 2) NOT NULL, reference varchar(32) NOT NULL,"
        " paid {timestamp} NULL",
        5,
        _PURCHASES,
        "customer_id",
    ),
    Table(
        "attachment",
        "id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customer (id),"
        " name varchar(80) NOT NULL, content {blob} NOT NULL",
        4,
        _ATTACHMENTS,
    ),
)

SPOILED = (
    "UPDATE customer SET name = 'spoiled' WHERE id % 10 = 0",
    "DELETE FROM attachment WHERE id % 2 = 0",
    "DROP TABLE IF EXISTS later",
    "CREATE TABLE later (id integer)",
)
"""What happens to a database after its backup. The table must be gone after an exact restore."""


def schema(timestamp: str, blob: str) -> Iterator[str]:
    """Yield the statements that create the tables, with an engine's names of two types."""
    for table in TABLES:
        columns = table.columns.format(timestamp=timestamp, blob=blob)
        yield f"CREATE TABLE {table.name} ({columns})"


def indexes() -> Iterator[str]:
    """Yield the statements that create the indexes, which are made when the rows are there."""
    for table in TABLES:
        if table.index:
            yield f"CREATE INDEX {table.name}_{table.index} ON {table.name} ({table.index})"


def rows(table: Table, megabytes: float, seed: int = 1) -> Iterator[Row]:
    """Yield the rows of a table: the same ones each time."""
    seeded = random.Random(f"{table.name} {seed}")
    text = _text(seeded)
    customers = max(1, round(_CUSTOMERS * megabytes))
    for number in range(1, max(1, round(table.per_megabyte * megabytes)) + 1):
        customer = seeded.randint(1, customers)
        if table.name == "customer":
            name = f"{_words(seeded, text, 20)} {number}"
            note = _words(seeded, text, seeded.randint(200, 700))
            yield number, name, f"{number}@shop.example", note, _moment(seeded)
        elif table.name == "purchase":
            amount = Decimal(seeded.randint(100, 100_000)) / 100
            paid = None if number % 5 == 0 else _moment(seeded)
            yield number, customer, amount, seeded.randbytes(16).hex(), paid
        else:
            content = seeded.randbytes(seeded.randint(*_PICTURE))
            yield number, customer, f"picture {number}.jpg", content


def _text(seeded: random.Random) -> str:
    """Return a long text of words that occur more or less often, as in a language."""
    letters = "eeeeaaaooiinnttrrsshlducmfywgpbvkxqjz"
    words = ["".join(seeded.choices(letters, k=seeded.randint(2, 10))) for _ in range(5_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return " ".join(seeded.choices(words, weights, k=400_000))


def _words(seeded: random.Random, text: str, size: int) -> str:
    start = seeded.randrange(len(text) - size)
    return text[start : start + size].strip()


def _moment(seeded: random.Random) -> datetime.datetime:
    return _BORN + datetime.timedelta(seconds=seeded.randint(0, 150_000_000))
