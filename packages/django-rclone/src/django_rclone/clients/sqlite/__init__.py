"""SQLite: copied page by page, out of the live database and back into it."""

from .client import SqliteClient

__all__ = ["SqliteClient"]
