"""PostgreSQL: dumped with pg_dump, restored in one transaction or into a database swapped in."""

from .client import PostgresqlClient

__all__ = ["PostgresqlClient"]
