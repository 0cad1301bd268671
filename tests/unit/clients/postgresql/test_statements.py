"""Statements of a script are run, skipped, allowed to fail, or refused."""

import pytest

from django_rclone.clients.postgresql.entry import Entry
from django_rclone.clients.postgresql.script import ScriptError, Statement
from django_rclone.clients.postgresql.statements import StatementPolicy

POLICY = StatementPolicy(
    settings=frozenset({"work_mem", "lock_timeout"}),
    schemas=frozenset({"public", 'O"dd'}),
    kept_kinds=frozenset({"publication", "function"}),
)


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        ("BEGIN;", True),
        ("COMMIT;", True),
        ("SET work_mem = '1MB';", False),
        ("SET invented_later = 0;", True),
        ("SET lock_timeout = 0;", True),
        ("SELECT pg_catalog.set_config('search_path', '', false);", True),
        ("CREATE SCHEMA public;", True),
        ('CREATE SCHEMA "O""dd";', True),
        ("CREATE SCHEMA tenant;", False),
        ("CREATE TABLE t (n integer);", False),
        ("ALTER TABLE public.t OWNER TO shop;", True),
        ('ALTER FUNCTION public.f(a "x y") OWNER TO "Zo""e";', True),
        ("ALTER TABLE t ALTER COLUMN c SET DEFAULT ' OWNER TO shop';", False),
    ],
)
def test_statements_that_the_server_does_not_need_are_skipped(text: str, skipped: bool) -> None:
    statement = Statement(text.encode(), Entry(type="TABLE", name="t"))
    assert POLICY.skips(statement) is skipped


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE IF EXISTS ONLY public.t DROP CONSTRAINT IF EXISTS t_pkey;",
        "DROP TABLE IF EXISTS public.t;",
        "CREATE OR REPLACE VIEW public.v AS SELECT NULL::integer AS n;",
    ],
)
def test_what_makes_room_before_the_first_entry_is_skipped(text: str) -> None:
    assert POLICY.skips(Statement(text.encode(), Entry()))


@pytest.mark.parametrize(
    "text",
    [
        *("commit and chain;", "START TRANSACTION;", "PREPARE  TRANSACTION 'x';", "END;"),
        "SET standard_conforming_strings = off;",
    ],
)
def test_control_of_the_transaction_is_refused(text: str) -> None:
    with pytest.raises(ScriptError):
        POLICY.skips(Statement(text.encode(), Entry()))


@pytest.mark.parametrize(
    ("entry", "ignored"),
    [
        ("ACL", "42704"),
        ("DEFAULT ACL", "42501"),
        ("COMMENT", "42501"),
        ("PUBLICATION", "42710"),
        ("FUNCTION", "42723"),
        ("PROCEDURE", "42723"),
        ("TABLE", ""),
        ("EVENT TRIGGER", ""),
    ],
)
def test_only_privileges_comments_and_what_was_kept_may_fail(entry: str, ignored: str) -> None:
    codes = POLICY.ignorable_errors(Statement(b"SOMETHING;", Entry(type=entry)))
    assert ignored in codes if ignored else codes == ()


def test_a_tablespace_that_is_missing_may_fail() -> None:
    statement = Statement(b"SET default_tablespace = fast;", Entry(type="TABLE"))
    assert POLICY.ignorable_errors(statement) == ("22023",)
