"""Sites to test on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.example_site import ExampleSite
from tests.support.http_server import LoopbackServer


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """A web service that records what it is sent."""
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def empty_site(tmp_path: Path) -> ExampleSite:
    """A site nobody has used yet."""
    data = tmp_path / "data"
    data.mkdir()
    return ExampleSite(data)


@pytest.fixture(scope="session")
def seeded_site(tmp_path_factory: pytest.TempPathFactory) -> ExampleSite:
    """A small site that tests copy and never touch."""
    site = ExampleSite(tmp_path_factory.mktemp("seeded"))
    site.manage("migrate")
    site.manage("seed", "--users=5", "--entries=60", "--files=40")
    return site


@pytest.fixture
def site(seeded_site: ExampleSite, tmp_path: Path) -> ExampleSite:
    """A small site with rows and files, for one test alone."""
    return seeded_site.copy_to(tmp_path / "data")
