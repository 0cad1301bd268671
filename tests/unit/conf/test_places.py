"""Which file a database of SQLite is, as SQLite itself understands its name."""

import os
from pathlib import Path

import pytest

from django_rclone.conf.places import file_of


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("/srv/shop.sqlite3", "/srv/shop.sqlite3"),
        (Path("/srv/shop.sqlite3"), "/srv/shop.sqlite3"),
        ("/srv/mode=memory/100%41?.sqlite3", "/srv/mode=memory/100%41?.sqlite3"),
        ("/srv/:memory:", "/srv/:memory:"),
        ("file:/srv/a%20b.sqlite3?mode=ro&cache=shared#there", "/srv/a b.sqlite3"),
        ("file:///srv/shop.sqlite3", "/srv/shop.sqlite3"),
        ("file://localhost/srv/shop.sqlite3?immutable=1", "/srv/shop.sqlite3"),
        ("file:/srv/caf%e9.sqlite3", os.fsdecode(b"/srv/caf\xe9.sqlite3")),
        ("FILE:/srv/shop.sqlite3", f"{Path.cwd()}/FILE:/srv/shop.sqlite3"),
        (":memory:", None),
        ("file::memory:?cache=shared", None),
        ("file:shared?mode=memory&cache=shared", None),
        ("file:/shared?vfs=memdb", None),
        ("", None),
        (None, None),
    ],
)
def test_the_file_of_a_name(name: object, file: str | None) -> None:
    assert file_of(name) == (Path(file) if file else None)


def test_the_file_of_links_that_lead_in_a_circle(tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite3"
    link.symlink_to(link)
    assert file_of(link) is not None
