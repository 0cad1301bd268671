"""Statements of a script are run, skipped, allowed to fail, or refused."""

import pytest

from django_rclone.clients.postgresql.script import ScriptError
from django_rclone.clients.postgresql.statements import StatementPolicy

POLICY = StatementPolicy(
    settings=frozenset({"work_mem"}),
    schemas=frozenset({"public", 'O"dd'}),
    keeps_superuser_objects=True,
)


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        ("BEGIN;", True),
        ("COMMIT;", True),
        ("SET work_mem = '1MB';", False),
        ("SET invented_later = 0;", True),
        ("CREATE SCHEMA public;", True),
        ('CREATE SCHEMA "O""dd";', True),
        ("CREATE SCHEMA tenant;", False),
        ("CREATE TABLE t (n integer);", False),
    ],
)
def test_statements_that_the_server_does_not_need_are_skipped(text: str, skipped: bool) -> None:
    assert POLICY.skips(text.encode()) is skipped


@pytest.mark.parametrize(
    "text",
    [
        *("commit and chain;", "START TRANSACTION;", "PREPARE  TRANSACTION 'x';", "END;"),
        "SET standard_conforming_strings = off;",
    ],
)
def test_control_of_the_transaction_is_refused(text: str) -> None:
    with pytest.raises(ScriptError):
        POLICY.skips(text.encode())


def test_only_privileges_comments_and_superusers_objects_may_fail() -> None:
    assert "42704" in POLICY.ignorable_errors(b"GRANT SELECT ON t TO gone;")
    assert POLICY.ignorable_errors(b"COMMENT ON EXTENSION x IS 'y';") == ("42501",)
    assert "42710" in POLICY.ignorable_errors(b"CREATE PUBLICATION p FOR ALL TABLES;")
    assert POLICY.ignorable_errors(b"CREATE TABLE t (n integer);") == ()
