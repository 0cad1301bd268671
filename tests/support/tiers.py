"""The two tiers of the tests: a quick one for every change, and ``thorough`` for the rest.

A plugin of pytest. A test is thorough by its mark, because it is listed here, or because
enough other cases of the same test are in the quick tier already: those are the first, the
last, and some between.
"""

import os
from collections import defaultdict

import pytest

_CASES = {
    "tests/integration/": 1,
    "tests/example_site/": 1,
    "tests/notify/": 3,
    "tests/docs/test_snippets.py::test_settings_pass": 8,
    "tests/docs/test_snippets.py::test_receivers_work": 2,
    "tests/unit/test_hostile_input.py::test_no_flag_hides": 4,
}
"""How many cases of one test are quick, by how its id begins; all where nothing fits."""

_SUITES = (
    "tests/integration/clients/mysql/test_suite.py::OnFolderTests",
    "tests/integration/clients/postgresql/test_suite.py::NewestOnFolderTests",
)
"""The suite of a client, as it runs on the servers; on SQLite all of it is quick."""

_THOROUGH_OF_SUITES = (
    "a_damaged_backup",
    "a_dump_that_is_abandoned",
    "a_killed",
    "a_rehearsal_fails",
    "a_restore_of_an_unchanged",
    "a_restore_that_is_not_finished",
    "a_restored_database_can_be_backed_up",
    "a_truncated_dump_without",
    "an_error_within",
    "an_interrupted_download",
    "an_interrupted_upload",
    "bytes_may_come",
    "commands_in_a_dump_without",
    "what_differs_from_the_inventory",
)

_THOROUGH = (
    *(f"{suite}::test_{name}" for suite in _SUITES for name in _THOROUGH_OF_SUITES),
    "tests/docs/test_console.py",
    "tests/docs/test_extending.py::test_compact_client",
    "tests/docs/test_moving_page.py",
    "tests/example_site/test_commands.py",
    "tests/example_site/test_demo.py",
    "tests/example_site/test_engines.py",
    "tests/example_site/test_notify.py",
    "tests/example_site/test_published_examples.py",
    "tests/example_site/test_receivers.py",
    "tests/example_site/test_seed.py",
    "tests/faults/test_answers.py",
    "tests/faults/test_object_lock.py",
    "tests/integration/clients/mongodb/test_faults.py",
    "tests/integration/clients/mongodb/test_restore.py",
    "tests/integration/clients/mongodb/test_staging.py::test_a_server_that_cannot",
    "tests/integration/clients/mongodb/test_staging.py::test_finish_without_swap",
    "tests/integration/clients/mysql/test_connections.py",
    "tests/integration/clients/mysql/test_options.py",
    "tests/integration/clients/mysql/test_safety.py",
    "tests/integration/clients/orm/test_faults.py",
    "tests/integration/clients/orm/test_mysql.py",
    "tests/integration/clients/orm/test_suite.py",
    "tests/integration/clients/postgresql/test_connections.py",
    "tests/integration/clients/postgresql/test_limits.py::test_with_too_few_locks_a_role",
    "tests/integration/clients/postgresql/test_options.py",
    "tests/integration/commands/test_terminal.py",
    "tests/packaging/",
)
"""How the ids of tests begin that take long, and that most changes do not concern."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.nodeid.startswith(_THOROUGH):
            item.add_marker(pytest.mark.thorough)
        if item.get_closest_marker("thorough") is None:
            cases[item.nodeid.partition("[")[0]].append(item)
    for test, found in cases.items():
        quick = next((n for start, n in _CASES.items() if test.startswith(start)), len(found))
        kept = (
            {round(n * (len(found) - 1) / (quick - 1)) for n in range(quick)} if quick > 1 else {0}
        )
        for number, item in enumerate(found):
            if len(found) > quick and number not in kept:
                item.add_marker(pytest.mark.thorough)


def pytest_xdist_auto_num_workers() -> int:
    """Return half as many more than cores, since tests wait for programs."""
    return (os.cpu_count() or 2) * 3 // 2
