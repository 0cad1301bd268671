"""What is said of foreign keys when a backup is rehearsed."""

import pytest
from django.db import connections

from django_rclone.clients.mysql.foreign_keys import broken_foreign_keys
from tests.support.site import DjangoSite

PARENT = "CREATE TABLE parent (a int, b varchar(9), PRIMARY KEY (a, b), KEY (b))"
CHILDREN = {
    "one column": "CREATE TABLE child (id int PRIMARY KEY, x int, FOREIGN KEY (x) REFERENCES parent (a))",
    "several columns": (
        "CREATE TABLE child (id int, x int, y varchar(9), FOREIGN KEY (x, y) REFERENCES parent (a, b))"
    ),
    "names to be quoted": (
        "CREATE TABLE child (`an ``id` int, `100%s` int, FOREIGN KEY (`100%s`) REFERENCES parent (a))"
    ),
}


@pytest.mark.parametrize("kind", CHILDREN)
def test_rows_that_refer_to_nothing_are_found(site: DjangoSite, kind: str) -> None:
    columns = ", 'one'" if kind == "several columns" else ""
    site.database.run(
        PARENT,
        CHILDREN[kind],
        "INSERT INTO parent VALUES (1, 'one'), (2, 'two')",
        f"INSERT INTO child VALUES (1, 1{columns}), (2, NULL{columns})",
    )
    assert said_of(site) == []
    site.database.run("SET foreign_key_checks = 0", f"INSERT INTO child VALUES (3, 3{columns})")
    assert said_of(site) == ["child"]


def said_of(site: DjangoSite) -> list[str]:
    with site.active():
        return broken_foreign_keys(connections["default"])
