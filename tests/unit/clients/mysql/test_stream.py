"""Tables and rows are counted, and lines replaced, whatever the size of the pieces."""

from contextlib import nullcontext

import pytest

from django_rclone.clients.mysql.stream import LineLimit, LineReplacer, TableCounter
from django_rclone.exceptions import ClientError

DUMP = b"""-- dump
CREATE SEQUENCE `s` start with 1;
CREATE TABLE `a``b` (
  `id` int(11) DEFAULT nextval(`shop`.`s`),
  `x` int(11)
) ENGINE=InnoDB;
-- Dumping data for table `a``b`
INSERT INTO `a``b` VALUES
(1,'\\nINSERT INTO `no` VALUES\\n(7'),
(2,'(');
INSERT INTO `a``b` (`id`,`x`) VALUES (3,4),
(5,')');
INSERT INTO `a``b` (`id`,`x`) VALUES (6,'VALUES');
CREATE TABLE `empty` (
  `id` int(11)
);
-- Dumping data for table `empty`
CREATE TABLE `elsewhere` (
  `id` int(11)
) ENGINE=CONNECT;
CREATE TABLE `new
line
` (
  `id` int(11)
);
-- Dumping data for table `new
INSERT INTO `new
line
` VALUES
(1),
(2);
"""


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_rows_are_counted_where_each_has_a_line(size: int) -> None:
    counter = TableCounter()
    for start in range(0, len(DUMP), size):
        counter.see(DUMP[start : start + size])
    assert counter.names == {"s", "a`b", "empty", "elsewhere", "new\nline\n"}
    assert counter.rows == {"a`b": 5, "empty": 0, "new\nline\n": 2}
    assert counter.without_rows == {"elsewhere"}


def test_rows_are_not_counted_where_a_line_may_have_several() -> None:
    counter = TableCounter()
    counter.see(b"\nCREATE TABLE `t` (\n  `n` int\n);\n-- Dumping data for table `t`\n")
    counter.see(b"INSERT INTO `t` VALUES (1),(2);\n")
    counter.see(b"CREATE TABLE `empty` (\n  `n` int\n);\n-- Dumping data for table `empty`\n")
    assert counter.rows == {"empty": 0}


def test_longest_line_is_measured_and_not_kept() -> None:
    counter = TableCounter()
    for piece in (b"INSERT INTO `t` VALUES\n(", *[b"x" * 500_000] * 7, b");\n-- end\n"):
        counter.see(piece)
    assert counter.longest == 3_500_003


OLD = b"  `id` int(11) DEFAULT nextval(`shop`.`s`),"
NEW = b"  `id` int(11),"


@pytest.mark.parametrize("size", [1, 7, 40, 10_000])
def test_announced_lines_are_replaced(size: int) -> None:
    replacer = LineReplacer([(OLD, NEW)])
    pieces = [replacer.passed(DUMP[n : n + size]) for n in range(0, len(DUMP), size)]
    assert b"".join([*pieces, replacer.rest()]) == DUMP.replace(OLD, NEW)


def test_announced_line_that_is_missing_fails_the_dump() -> None:
    replacer = LineReplacer([(OLD, NEW), (OLD, NEW)])
    replacer.passed(DUMP)
    with pytest.raises(ClientError, match="schema changed while it was dumped"):
        replacer.rest()


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(("longest", "is_taken"), [(50, True), (51, False)])
def test_line_that_is_longer_than_the_server_takes_is_refused(
    size: int, longest: int, is_taken: bool
) -> None:
    dump = b"first\n" + b"x" * longest + b"\n" * 200 + b"last"
    limit = LineLimit(50)
    refusal = pytest.raises(ClientError, match="more than 50 bytes, the max_allowed_packet")
    # What is within one piece is not looked for.
    with nullcontext() if is_taken or size > longest else refusal:
        seen_in_pieces(limit, dump, size)


def seen_in_pieces(limit: LineLimit, dump: bytes, size: int) -> None:
    for start in range(0, len(dump), size):
        limit.see(dump[start : start + size])
