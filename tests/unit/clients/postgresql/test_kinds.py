"""The one list of kinds, and what is made from it."""

from pathlib import Path

from django_rclone.clients.postgresql.kinds import KINDS

_PAGE = Path(__file__).resolve().parents[4] / "docs/pages/postgresql.md"


def test_the_page_has_the_table_of_kinds() -> None:
    rows = [f"| {kind.name} | {kind.comes_back} | {kind.needs or '-'} |" for kind in KINDS]
    assert "\n".join(["| kind | comes back | needs |", "|---|---|---|", *rows]) in _PAGE.read_text()


def test_every_kind_has_a_name_of_its_own() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
