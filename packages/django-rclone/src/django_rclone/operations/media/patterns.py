"""Patterns of paths: what is left out, tolerated, or asked for."""

import re
from collections.abc import Callable, Iterable

_PIECES = re.compile(rb"\*\*/?|\*|\?|\[[^\]]+\]|.", re.DOTALL)


def matcher(patterns: Iterable[str]) -> Callable[[bytes], bool] | None:
    """Return what finds out whether a path matches one of ``patterns``; ``None`` if there are none.

    ``*`` and ``?`` stand for characters of one name, ``**`` for any, ``[abc]`` for one of
    these. A pattern without a slash may match a name anywhere, one with a slash starts at
    the top. What is in a folder that matches, matches too.
    """
    expressions = [_expression(pattern) for pattern in patterns]
    if not expressions:
        return None
    compiled = re.compile(b"|".join(expressions), re.DOTALL)
    return lambda path: compiled.match(path) is not None


def _expression(pattern: str) -> bytes:
    text = pattern.encode("utf-8", "surrogateescape")
    anywhere = b"" if b"/" in text.rstrip(b"/") else b"(?:.*/)?"
    pieces = b"".join(_piece(piece) for piece in _PIECES.findall(text.strip(b"/")))
    return anywhere + pieces + rb"(?:/.*)?\Z"


def _piece(piece: bytes) -> bytes:
    if piece.startswith(b"**"):
        return b"(?:.*/)?" if piece.endswith(b"/") else b".*"
    if piece == b"*":
        return b"[^/]*"
    if piece == b"?":
        return b"[^/]"
    if piece.startswith(b"[") and len(piece) > 2:
        inside = piece[1:-1].replace(b"\\", b"\\\\").replace(b"[", b"\\[")
        negated = inside.startswith(b"!")
        return b"[^" + inside[1:] + b"]" if negated else b"[" + inside.replace(b"^", b"\\^") + b"]"
    return re.escape(piece)
