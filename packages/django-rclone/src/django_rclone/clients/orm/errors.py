"""What a database said, without what its rows hold."""

from django.db.utils import Error

from ...redaction import redact


def told(error: Exception) -> str:
    """Return the kind of an error and the server's code for it.

    Its text is left out: drivers quote the values that they complain of.
    """
    cause = error.__cause__ if isinstance(error, Error) else None
    code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    code = code or getattr(cause, "sqlite_errorname", None) or _number(cause)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def told_in_full(error: Exception) -> str:
    """Return the first line of what was said where no row was at hand, as on connecting."""
    return redact(" ".join(str(error).strip().splitlines()[:1]))[:500].rstrip(".")


def _number(cause: BaseException | None) -> str:
    """Return the number that MySQL's and Oracle's drivers give."""
    first = cause.args[0] if cause and cause.args else None
    code = getattr(first, "full_code", first)
    return str(code) if isinstance(code, int) or code is not first else ""
