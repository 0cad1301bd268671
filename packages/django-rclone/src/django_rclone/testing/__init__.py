"""Proving a database client: the suite that every client must pass.

The page "Writing a client" of the documentation shows its use.
"""

from .equality import hash_rows
from .remotes import CryptRemote, FolderRemote, Remote, S3Remote
from .suite import ClientSuite

__all__ = ["ClientSuite", "CryptRemote", "FolderRemote", "Remote", "S3Remote", "hash_rows"]
