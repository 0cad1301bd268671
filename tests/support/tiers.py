"""The two tiers of the tests: a quick one for every change, and ``thorough`` for the rest.

A plugin of pytest. A test is thorough by its mark, or because enough other cases of the
same test are in the quick tier already: those are the first, the last, and some between.
"""

import os
from collections import defaultdict

import pytest

_CASES = {"tests/integration/": 2, "tests/example_site/": 2, "tests/notify/": 10}
"""How many cases of one test are quick, by the folder of the test."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("thorough") is None:
            cases[item.nodeid.partition("[")[0]].append(item)
    for test, found in cases.items():
        quick = next((n for folder, n in _CASES.items() if test.startswith(folder)), len(found))
        kept = (
            {round(n * (len(found) - 1) / (quick - 1)) for n in range(quick)} if quick > 1 else {0}
        )
        for number, item in enumerate(found):
            if len(found) > quick and number not in kept:
                item.add_marker(pytest.mark.thorough)


def pytest_xdist_auto_num_workers() -> int:
    """Return half as many more than cores, since tests wait for programs."""
    return (os.cpu_count() or 2) * 3 // 2
