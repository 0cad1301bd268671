"""The page about signals contains the promised tables and examples, word for word."""

import re
from pathlib import Path

import pytest

from tests.docs.texts import page

PROMISED = (Path(__file__).parent / "promised_signals.txt").read_text()
EXAMPLES = re.findall(r"^```python\n.*?^```\n", PROMISED, re.M | re.S)
TABLES = re.findall(r"(?:^\|.*\n)+", PROMISED, re.M)


def test_promise_has_two_tables_and_five_examples():
    assert (len(TABLES), len(EXAMPLES)) == (2, 5)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example_is_on_the_page(example):
    assert example in page("signals")


@pytest.mark.parametrize("table", TABLES, ids=["databases", "media"])
def test_table_is_on_the_page(table):
    assert table in page("signals")


def test_tables_and_examples_are_in_the_promised_order():
    places = [page("signals").index(part) for part in (*TABLES, *EXAMPLES)]
    assert places == sorted(places)
