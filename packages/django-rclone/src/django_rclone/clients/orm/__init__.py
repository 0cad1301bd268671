"""Any other engine of Django: row by row, through the ORM."""

from .client import SerializedClient

__all__ = ["SerializedClient"]
