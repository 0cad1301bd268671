"""Options are recognized in the help texts of both vendors; rows are kept out of errors."""

import pytest

from django_rclone.clients.mysql.tools import _is_known, describe_tool_failure
from django_rclone.processes import Command

HELP = """\
  --no-tablespaces    Do not write tablespaces.
  --set-gtid-purged[=name]
  --[no-]sandbox      Disallow commands that access the file system.
  --system-command    Enable or disable the system command.
"""


@pytest.mark.parametrize(
    ("option", "known"),
    [
        ("--no-tablespaces", True),
        ("--set-gtid-purged=OFF", True),
        ("--sandbox", True),
        ("--skip-system-command", True),
        ("--column-statistics=0", False),
        ("--sand", False),
    ],
)
def test_option_is_known_if_the_help_lists_it(option: str, known: bool) -> None:
    assert _is_known(option, HELP) is known


def test_failure_shows_errors_without_rows_and_with_a_hint() -> None:
    tail = [
        "INSERT INTO user VALUES ('secret')",
        "ERROR 1062 (23000) at line 3: Duplicate entry 'secret' for key 'PRIMARY'",
        "ERROR 1227 (42000): Access denied",
    ]
    error = describe_tool_failure(Command(argv=("/usr/bin/mariadb", "--host=x")), 1, tail)
    assert "secret" not in str(error)
    assert "mariadb exited with 1." in error.message
    assert "Duplicate entry for key" in error.message
    assert "another definer" in error.hint
