"""Statements are composed from names and definitions."""

from django_rclone.clients.mysql.schema import drop_events, first_event, rename_tables

EVENT = "CREATE DEFINER=`a EVENT ``x`@`%` EVENT `e``1` ON SCHEDULE EVERY 1 DAY DO SELECT 1"


def test_one_statement_renames_all_tables() -> None:
    assert rename_tables([("`a`", "`b`"), ("`c`", "`d`")]) == [
        "RENAME TABLE `a` TO `b`, `c` TO `d`"
    ]
    assert rename_tables([]) == []


def test_events_are_found_and_dropped_by_name() -> None:
    statements = ["CREATE VIEW v AS SELECT 1", "SET SESSION time_zone = 'UTC'", EVENT]
    assert first_event(statements) == 1
    assert first_event(statements[:1]) == 1
    assert drop_events(statements) == ["DROP EVENT IF EXISTS `e``1`"]
    assert drop_events(["CREATE EVENT `e` ON SCHEDULE"]) == ["DROP EVENT IF EXISTS `e`"]
