"""What a dump of PostgreSQL is, by its first bytes."""

CUSTOM = "PostgreSQL, custom format"
SQL_TEXT = "SQL text of PostgreSQL"

_CUSTOM = b"PGDMP"
_TEXT = b"-- PostgreSQL database dump\n"


def recognized(head: bytes) -> str:
    """Return what can be restored, in words; empty for anything else.

    What pg_dumpall writes is not: it is of several databases.
    """
    if head.startswith(_CUSTOM):
        return CUSTOM
    return SQL_TEXT if _TEXT in head and head.startswith(b"--") else ""
