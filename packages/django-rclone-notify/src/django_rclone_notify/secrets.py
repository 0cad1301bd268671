"""A text that shows itself to nobody who does not ask."""

MASK = "***"


class Secret:
    """Hold ``text``, a webhook, a key or a token, without showing it.

    Printed, logged or formatted it is ``***``: on Django's debug pages when it
    stands in the settings, and among the local variables that Sentry collects.
    Two secrets with the same text are equal.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text. Pass it on at once: a variable that holds it can be seen."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__


def revealed(value: object) -> object:
    """Return the text of a ``Secret``, and anything else as it is."""
    return value.reveal() if isinstance(value, Secret) else value
