"""A dump in two parts is put together and taken apart, whatever the size of its pieces."""

from collections.abc import Sequence

import pytest

from django_rclone.clients.mysql.dump_format import DumpSplitter, DumpWithObjects
from django_rclone.clients.mysql.statements import Statement
from django_rclone.exceptions import ClientError

TABLES = b"-- MariaDB dump\nCREATE TABLE a (n int);\n-- Dump completed\n"
STATEMENTS = [b"SET SESSION sql_mode = ''", b"CREATE VIEW `v;;` AS SELECT '-- django-rclone\xe9'"]
STATEMENT = Statement((STATEMENTS[0],), STATEMENTS[1])


class FakeDumpTool:
    """A process that prints ``output``."""

    def __init__(self, output: bytes) -> None:
        self._output = output

    def read(self, size: int) -> bytes:
        data, self._output = self._output[:size], self._output[size:]
        return data

    def finish(self) -> None: ...


def statements_in(dump: bytes) -> list[Statement]:
    splitter = DumpSplitter(lambda data: None)
    splitter.write(dump)
    splitter.finish()
    return splitter.create_statements


def dumped(output: bytes = TABLES, statements: Sequence[bytes] = STATEMENTS) -> bytes:
    source = DumpWithObjects(FakeDumpTool(output), statements)  # type: ignore[arg-type]
    dump = b"".join(iter(lambda: source.read(7), b""))
    source.finish()
    return dump


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_splitter_returns_what_was_put_together(size: int) -> None:
    dump, tables = dumped(), bytearray()
    splitter = DumpSplitter(tables.extend)
    for start in range(0, len(dump), size):
        splitter.write(dump[start : start + size])
    splitter.finish()
    assert TABLES in tables
    assert b"VIEW" not in tables
    assert splitter.create_statements == [STATEMENT]


@pytest.mark.parametrize("statements", [STATEMENTS, []])
def test_truncated_dump_is_rejected_wherever_it_ends(statements: list[bytes]) -> None:
    dump = dumped(statements=statements)
    for end in range(len(b"-- django-rclone ") + 15, len(dump)):
        with pytest.raises(ClientError, match="truncated"):
            statements_in(dump[:end])


def test_dump_of_another_tool_has_one_part() -> None:
    tables = bytearray()
    splitter = DumpSplitter(tables.extend)
    splitter.write(TABLES)
    splitter.finish()
    assert tables == TABLES
    assert not splitter.has_two_parts
    assert splitter.create_statements == []


def test_other_statements_after_the_tables_are_rejected() -> None:
    with pytest.raises(ClientError, match="unexpected statements"):
        statements_in(dumped(statements=[b"GRANT ALL ON *.* TO x"]))


@pytest.mark.parametrize("output", [b"hello " + TABLES, TABLES[:-20], b""])
def test_output_that_is_not_a_whole_dump_is_rejected(output: bytes) -> None:
    with pytest.raises(ClientError, match="did not print"):
        dumped(output)
