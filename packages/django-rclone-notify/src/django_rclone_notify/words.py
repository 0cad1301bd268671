"""Lists of words from the settings, and the nearest word when one is not known."""

import difflib
from collections.abc import Collection

from .exceptions import InvalidNotifySettings


def read_words(value: object, path: str, known: Collection[str] | None) -> frozenset[str]:
    """Return the list ``value`` as a set.

    ``known`` is every word that may stand there; ``None`` admits all of them.
    Raises ``InvalidNotifySettings``, with ``path``, for anything else.
    """
    if isinstance(value, str):
        raise InvalidNotifySettings(path, "must be a list", f'Write ["{value}"].')
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise InvalidNotifySettings(path, "must be a list", 'Write ["...", "..."].')
    if not value:
        hint = "Nothing would ever be sent; remove the key to get the default."
        raise InvalidNotifySettings(path, "is empty", hint)
    for word in value:
        if not isinstance(word, str):
            hint = "Write each word in quotes."
            raise InvalidNotifySettings(path, "must hold strings only", hint)
        if known is not None and word not in known:
            hint = suggestion(word, known)
            raise InvalidNotifySettings(path, f"holds the unknown {word!r}", hint)
    return frozenset(value)


def suggestion(word: str, known: Collection[str]) -> str:
    """Return the hint for an unknown ``word``: the nearest of ``known``, and all of them."""
    by_lowercase = {candidate.lower(): candidate for candidate in known}
    nearest = difflib.get_close_matches(word.lower(), by_lowercase, n=1)
    question = f'Did you mean "{by_lowercase[nearest[0]]}"? ' if nearest else ""
    return f"{question}Known: {', '.join(sorted(known)) or 'none'}."
