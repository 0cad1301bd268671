"""Patterns of paths: what is left out, tolerated, or asked for."""

import fnmatch
import re
from collections.abc import Callable, Iterable

_PIECES = re.compile(r"\*\*/?|\*|\?|\[[^\]]+\]|.", re.DOTALL)


def matcher(patterns: Iterable[str]) -> Callable[[bytes], bool] | None:
    """Return what finds out whether a path matches one of ``patterns``; ``None`` if there are none.

    ``*`` and ``?`` stand for characters of one name, ``**`` for any, ``[abc]`` for one of
    these. A pattern without a slash may match a name anywhere, one with a slash starts at
    the top. What is in a folder that matches, matches too.
    """
    expressions = [_expression(pattern) for pattern in patterns]
    if not expressions:
        return None
    compiled = re.compile("|".join(expressions), re.DOTALL)
    return lambda path: compiled.match(path.decode("utf-8", "surrogateescape")) is not None


def _expression(pattern: str) -> str:
    anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    pieces = "".join(_piece(piece) for piece in _PIECES.findall(pattern.strip("/")))
    return anywhere + pieces + r"(?:/.*)?\Z"


def _piece(piece: str) -> str:
    if piece.startswith("**"):
        return "(?:.*/)?" if piece.endswith("/") else ".*"
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if len(piece) > 1:
        return f"(?!/){_set(piece)}"
    return re.escape(piece)


def _set(piece: str) -> str:
    """Return ``[abc]`` as an expression. ``fnmatch`` knows the odd ones, such as ``[z-a]``."""
    return fnmatch.translate(piece)[: -len(r"\Z")]
