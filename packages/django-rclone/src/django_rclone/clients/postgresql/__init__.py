"""PostgreSQL: dumped by pg_dump, replayed in one transaction or swapped in as a database."""

from .client import PostgresqlClient

__all__ = ["PostgresqlClient"]
