"""The tables of kinds in the documentation are those of the code."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from django_rclone.backups.inventory import Kind
from django_rclone.clients.orm import kinds as orm
from django_rclone.clients.sqlite import kinds as sqlite

PAGES = Path(__file__).parents[4] / "docs/pages"


@pytest.mark.parametrize(
    ("page", "kinds"), [("sqlite.md", sqlite.KINDS), ("other-engines.md", orm.KINDS)]
)
def test_page_lists_every_kind(page: str, kinds: Sequence[Kind]) -> None:
    rows = [f"| {one.name} | {one.comes_back} | {one.needs or '-'} |" for one in kinds]
    table = "\n".join(["| kind | comes back | needs |", "|---|---|---|", *rows])
    assert f"\n\n{table}\n\n" in (PAGES / page).read_text()
