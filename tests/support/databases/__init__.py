"""A database for one test, on any engine: create it, fill it, change it, compare it."""

from .base import Database
from .mysql import MysqlDatabase
from .postgresql import PostgresqlDatabase
from .sqlite import SqliteDatabase

__all__ = ["Database", "MysqlDatabase", "PostgresqlDatabase", "SqliteDatabase"]
