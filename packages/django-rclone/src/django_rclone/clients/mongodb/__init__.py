"""MongoDB: an archive of mongodump, restored through scratch collections."""

from .client import MongodbClient

__all__ = ["MongodbClient"]
