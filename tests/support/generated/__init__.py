"""Generators of schemas and data: some of everything that the dumps of a vendor hold.

Names, texts, orders and settings are chosen to be unpleasant. A statement that the server
refuses is left out: what a server does not take, nobody has.
"""

from .base import Builder, Example
from .mysql import mysql_examples
from .postgresql import postgresql_examples

__all__ = ["Builder", "Example", "mysql_examples", "postgresql_examples"]
