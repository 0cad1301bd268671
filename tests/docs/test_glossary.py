"""The glossary names what is really there."""

import importlib
import inspect
import pkgutil
import re
from types import ModuleType

import pytest

import django_rclone
import django_rclone_notify
from tests.docs.texts import page

ROWS = re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \|(?: `(.+)`)? \|$", page("glossary"), re.M)
NAMED = {term: name for term, _, name in ROWS if name}


def public_names(package: ModuleType) -> set[str]:
    """Return the modules of a package, the classes, functions and signals in them, and fields."""
    names = set()
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        names.add(info.name.rpartition(".")[2])
        for name, value in vars(module).items():
            names.add(name)
            if inspect.isclass(value):
                fields = [*vars(value), *getattr(value, "__annotations__", {})]
                names |= {f"{name}.{field}" for field in fields}
    return names


@pytest.fixture(scope="module")
def code() -> set[str]:
    return public_names(django_rclone) | public_names(django_rclone_notify)


def test_every_row_is_read_and_the_terms_are_in_order():
    terms = [term for term, _, _ in ROWS]
    assert len(terms) == page("glossary").count("\n| **")
    assert terms == sorted(set(terms))
    assert len(NAMED) > len(terms) / 2


@pytest.mark.parametrize("term", NAMED)
def test_a_term_names_code_that_exists(term, code):
    assert NAMED[term] in code


def test_a_name_that_is_gone_would_be_noticed(code):
    assert not {"DatabaseDumper", "OperationEvent.shade"} & code
