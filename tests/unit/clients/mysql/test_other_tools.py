"""Dumps of other tools are led to the scratch schema, and must be whole."""

import pytest

from django_rclone.clients.mysql.other_tools import OtherDump, recognized
from django_rclone.exceptions import ClientError

HEAD = b"-- MySQL dump 10.13  Distrib 8.0.36\n"
CHOICE = (
    b"/*!40000 DROP DATABASE IF EXISTS `shop`*/;\n"
    b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;\n"
    b"\nUSE `shop`;\n"
)
ROWS = b"INSERT INTO `t` VALUES ('USE `other`;\\nUSE x;'),('" + b"a" * 5_000 + b"USE `o`;');\n"
END = b"-- Dump completed on 2026-01-31  3:00:00\n"


def passed_on(text: bytes, piece: int = 1 << 16) -> bytes:
    passed: list[bytes] = []
    dump = OtherDump(passed.append)
    for start in range(0, len(text), piece):
        dump.write(text[start : start + piece])
    dump.finish()
    return b"".join(passed)


@pytest.mark.parametrize("piece", [1, 100, 1_000, 1 << 16])
def test_only_the_choice_of_a_database_is_left_out(piece: int) -> None:
    passed = passed_on(HEAD + CHOICE + ROWS + END, piece)
    assert [line for line in passed.splitlines() if line] == [
        line for line in (HEAD + ROWS + END).splitlines() if line
    ]


def test_a_dump_of_several_databases_is_refused() -> None:
    with pytest.raises(ClientError, match="several databases"):
        passed_on(HEAD + CHOICE + ROWS + b"use other;\n" + END)


def test_a_dump_without_its_last_line_is_refused() -> None:
    with pytest.raises(ClientError, match="truncated, or was made without comments"):
        passed_on(HEAD + ROWS)


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (HEAD, True),
        (b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n", True),
        (b"-- django-rclone 0123456789abcd\n", True),
        (b"--\n-- PostgreSQL database dump\n--\n", False),
        (b"CREATE TABLE t (n);", False),
    ],
)
def test_dumps_are_recognized(head: bytes, known: bool) -> None:
    assert bool(recognized(head)) is known
