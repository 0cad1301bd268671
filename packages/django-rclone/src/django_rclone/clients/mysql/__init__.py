"""MySQL and MariaDB: dumped by the vendor's tool, restored through a scratch schema."""

from .client import MysqlClient

__all__ = ["MysqlClient"]
