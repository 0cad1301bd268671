"""A real PostgreSQL server for the client of any engine."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.integration.postgresql.servers import URLS, Server, existing, installations, started


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The newest server at hand. It is started once per process of the tests."""
    found = installations()
    if not (URLS or found):
        missing = "there is no PostgreSQL server: see the README for what to install"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with ExitStack() as stack:
        if URLS:
            yield stack.enter_context(existing(URLS[-1]))
        else:
            newest = max(found)
            yield stack.enter_context(started(newest, found[newest]))
