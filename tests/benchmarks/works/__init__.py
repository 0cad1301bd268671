"""What is done: each work takes a ``Bench`` and leaves its figures there."""

from collections.abc import Callable

from tests.benchmarks.bench import Bench
from tests.benchmarks.works import databases, growth, listings, media, serialized, several, starting

WORKS: dict[str, Callable[[Bench], None]] = {
    "start": starting.start,
    "tiny": databases.tiny,
    "sqlite": databases.sqlite,
    "postgresql": databases.postgresql,
    "mariadb": databases.mariadb,
    "tables": databases.tables,
    "serialized": serialized.serialized,
    "several": several.several,
    "media": media.media,
    "listings": listings.listings,
    "growth": growth.growth,
}
"""By the names for ``--only``. Each function's docstring describes the work on the page."""

_TITLES = {
    "start": "Starting",
    "tiny": "A tiny database",
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "mariadb": "MariaDB",
    "tables": "Many small tables",
    "serialized": "The client for any other engine",
    "several": "Several databases",
    "media": "Media files",
    "listings": "Many backups",
    "growth": "As the work grows",
}


def title_of(work: str) -> str:
    """Return the heading of a work."""
    return _TITLES[work]
