"""The page on signals keeps what was promised first: its tables and its examples, word for word."""

import re
from pathlib import Path

import pytest

from tests.docs.texts import page

PROMISED = (Path(__file__).parent / "promised_signals.txt").read_text()
EXAMPLES = re.findall(r"^```python\n.*?^```\n", PROMISED, re.M | re.S)
TABLES = re.findall(r"(?:^\|.*\n)+", PROMISED, re.M)


def test_the_promise_holds_two_tables_and_five_examples():
    assert (len(TABLES), len(EXAMPLES)) == (2, 5)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_are_on_the_page_word_for_word(example):
    assert example in page("signals")


@pytest.mark.parametrize("table", TABLES, ids=["databases", "media"])
def test_the_tables_are_on_the_page_word_for_word(table):
    assert table in page("signals")


def test_they_stand_in_the_promised_order():
    places = [page("signals").index(part) for part in (*TABLES, *EXAMPLES)]
    assert places == sorted(places)
