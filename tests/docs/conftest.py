"""Fixtures for the tests of the documentation."""

from collections.abc import Iterator

import pytest

from tests.support.http_server import LoopbackServer


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """A web service that records what it is sent."""
    with LoopbackServer() as running:
        yield running
