"""The table of kinds on the page of an engine is the list that its client works with."""

import importlib

import pytest

from django_rclone.backups.inventory import Kind

from .texts import page

PAGES = {
    "mysql": "mysql",
    "orm": "other-engines",
    "postgresql": "postgresql",
    "sqlite": "sqlite",
}
HEAD = "| kind | comes back | needs |\n|---|---|---|\n"


def kinds_of(client: str) -> tuple[Kind, ...]:
    return tuple(importlib.import_module(f"django_rclone.clients.{client}.kinds").KINDS)


@pytest.mark.parametrize("client", PAGES)
def test_page_has_the_table_of_kinds(client: str) -> None:
    lines = [
        f"| {kind.name} | {kind.comes_back} | {kind.needs or '-'} |\n" for kind in kinds_of(client)
    ]
    assert f"{HEAD}{''.join(lines)}\n" in page(PAGES[client])


@pytest.mark.parametrize("client", PAGES)
def test_a_kind_is_listed_once(client: str) -> None:
    names = [kind.name for kind in kinds_of(client)]
    assert len(set(names)) == len(names)
