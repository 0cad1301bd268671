"""Any other engine of Django: row by row, through the ORM."""

from .client import OrmClient

__all__ = ["OrmClient"]
