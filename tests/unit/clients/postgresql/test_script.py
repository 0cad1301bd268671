"""The script of pg_restore is taken apart as psql would, whatever the pieces it arrives in."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.clients.postgresql.entry import Entry
from django_rclone.clients.postgresql.script import Script, ScriptError, Statement, TruncatedScript

STATEMENTS = [
    b"SELECT 1;",
    b"SELECT ';' || E'\\';' || 'it''s \\' || \"a;\"\"b\" || $$;$$ || $_x1$ ; $$ ; $_x1$;",
    b"SELECT E'' ';', e'\\\\' ';', a$b, $1, 'a' -- ; it's\n /* ; ' /* \" ; */ $$ */ ;",
    b"CREATE RULE r AS ON DELETE TO v DO INSTEAD (SELECT 1; SELECT 2;);",
    b"CREATE FUNCTION f() RETURNS integer\nBEGIN ATOMIC\n SELECT CASE 1 WHEN 1 THEN 2 END;\nEND;",
    b"CREATE OR REPLACE PROCEDURE p(begin integer) BEGIN ATOMIC DELETE FROM t; END;",
    b"CREATE FUNCTION public.begin() RETURNS integer AS $$ SELECT 1; $$ LANGUAGE sql;",
    "INSERT INTO größe VALUES ('€;');".encode(),
    b"COMMENT ON TABLE t IS '\\! touch /tmp/x\n\\! touch';",
    b"SELECT 1--;\n;",
    b"SELECT 2/1;",
    b";",
]


def reader(data: bytes, sizes: list[int]) -> Callable[[int], bytes]:
    """Return a ``read`` that gives ``data`` in pieces of these sizes, over and over."""
    rest, turn = data, 0

    def read(size: int) -> bytes:
        nonlocal rest, turn
        piece = max(1, sizes[turn % len(sizes)])
        turn += 1
        given, rest = rest[:piece], rest[piece:]
        return given

    return read


def taken_apart(data: bytes, sizes: list[int] | None = None) -> list[bytes]:
    return [one.text for one in Script(reader(data, sizes or [1 << 20]))]


pieces = st.lists(st.integers(1, 40), min_size=1, max_size=5)


@given(st.lists(st.sampled_from(STATEMENTS), max_size=8), pieces)
def test_statements_come_out_as_they_went_in(statements: list[bytes], sizes: list[int]) -> None:
    script = b"--\n-- a comment; with '\n--\n\n" + b"\n\n".join(statements) + b"\n"
    assert taken_apart(script, sizes) == statements


@given(st.lists(st.binary().filter(lambda row: b"\n" not in row and row != b"\\.")), pieces)
def test_rows_come_out_as_they_went_in(lines: list[bytes], sizes: list[int]) -> None:
    rows = b"".join(line + b"\n" for line in lines)
    script = b"COPY public.t (a) FROM stdin;\n" + rows + b"\\.\n\n\nSELECT 1;\n"
    found = []
    for statement in Script(reader(script, sizes)):
        if statement.rows:
            assert statement.rows.are_empty() == (not lines)
            found.append(b"".join(iter(lambda rows=statement.rows: rows.read(9), b"")))  # type: ignore[misc]
        else:
            found.append(statement.text)
    assert found == [rows, b"SELECT 1;"]


def test_rows_that_nobody_reads_are_passed_over() -> None:
    script = b"COPY t (a) FROM stdin;\n1\n2\n\\.\n\nSELECT 1;\n"
    assert taken_apart(script) == [b"COPY t (a) FROM stdin;", b"SELECT 1;"]


@given(pieces)
def test_the_guards_of_psql_are_passed_over(sizes: list[int]) -> None:
    script = b"--\n-- x\n--\n\n\\restrict aB3\n\nSELECT 1;\n\n\\unrestrict aB3\n\n"
    assert taken_apart(script, sizes) == [b"SELECT 1;"]


@pytest.mark.parametrize(
    "evil",
    [
        *(
            b"\\! touch x\n",
            b"SELECT 1 \\! touch x\n;",
            b"SELECT 1 \\g |touch x\n",
            b"\\restrict\n",
        ),
        *(b"\\unrestrict `touch x`\n", b"\\restrict a b\n", b"/* */ \\connect x\n", b"\\"),
        *(b"SELECT 1 \\restrict a\n;", b"SELECT '' \\; SELECT 2;", b"\\.\n"),
    ],
)
@given(sizes=pieces)
def test_commands_for_psql_are_refused(evil: bytes, sizes: list[int]) -> None:
    with pytest.raises(ScriptError, match="psql command"):
        taken_apart(b"SELECT 0;\n" + evil, sizes)


@pytest.mark.parametrize(
    "cut",
    [
        *(b"SELECT 1", b"SELECT 'a;", b"SELECT $$ ;", b"/* ;", b'SELECT "a;', b"SELECT (1;"),
        *(b"COPY t (a) FROM stdin;", b"COPY t (a) FROM stdin;\n1\n", b"SELECT E'\\';"),
        b"CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;",
    ],
)
@given(sizes=pieces)
def test_a_script_that_ends_too_early_is_noticed(cut: bytes, sizes: list[int]) -> None:
    with pytest.raises(TruncatedScript):
        taken_apart(b"SELECT 0;\n" + cut, sizes)


def test_a_long_statement_is_read_in_time_that_grows_with_its_length() -> None:
    body = b"CREATE FUNCTION f() AS $_$" + b"-- 'x' \n" * 500_000 + b"$_$;"
    assert taken_apart(body, [4096]) == [body]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (b"COPY public.entry (id, text) FROM stdin;", "public.entry"),
        (b'COPY "a ""(b) ".\xc3\xa4 FROM stdin;', '"a ""(b) ".\u00e4'),
        (b'COPY public."n\new\nline" ("a b") FROM stdin;', 'public."n\new\nline"'),
        (b"COPY public.\xe4 (id) FROM stdin;", ""),  # LATIN1
        (b"SELECT 1;", ""),
    ],
)
def test_the_table_that_rows_are_for_is_known(text: bytes, target: str) -> None:
    assert Statement(text, Entry()).target == target
