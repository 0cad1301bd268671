"""Statements are composed from names and definitions."""

from django_rclone.clients.mysql.schema import rename_tables


def test_one_statement_renames_all_tables() -> None:
    assert rename_tables([("`a`", "`b`"), ("`c`", "`d`")]) == [
        "RENAME TABLE `a` TO `b`, `c` TO `d`"
    ]
    assert rename_tables([]) == []
