"""Values as Django's own serializers write and read them: exactly, and as text."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any


class ValueCodec:
    """Writes the values of a field as text, and reads them back."""

    def __init__(self, field: Any, *, aware: bool) -> None:
        """``aware`` is whether times have a zone on this connection."""
        self._field = field
        self._aware = aware
        self._object = SimpleNamespace()
        kind = field.get_internal_type()
        self.name = kind if aware or kind != "DateTimeField" else f"naive {kind}"
        """Stands in the dump, and must be that of the live column."""

    @property
    def is_stable(self) -> bool:
        """Whether equal values are written as equal texts: a field of the site's own may salt them."""
        return is_django_field(self._field)

    def encode(self, value: Any) -> str | None:
        """Return a value as text. Raises any error for what the field cannot hold."""
        if value is None:
            return None
        self._require_zone(value)
        if is_django_field(self._field):
            # SQLite stores anything in any column, and dumps it only once it is known to fit.
            found = self._field.to_python(value)
            if type(found) is not type(value) and found != value:
                raise ValueError(type(value).__name__)
        setattr(self._object, self._field.attname, value)
        text = self._field.value_to_string(self._object)
        if not isinstance(text, str):
            raise TypeError(type(text).__name__)
        return text

    def decode(self, text: Any) -> Any:
        """Return the value that ``encode()`` was given. Raises any error for anything else."""
        if text is None:
            return None
        if not isinstance(text, str):
            raise TypeError(type(text).__name__)
        value = self._field.to_python(text)
        self._require_zone(value)
        return value

    def _require_zone(self, value: Any) -> None:
        if isinstance(value, datetime) and (value.tzinfo is not None) != self._aware:
            raise ValueError("a time with a zone" if value.tzinfo else "a time without a zone")


def is_django_field(field: Any) -> bool:
    """Return whether a field is one that comes with Django."""
    return type(field).__module__.startswith("django.")
