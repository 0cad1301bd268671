"""One run at a time, on however many hosts."""

from .lease import MEDIA, exclusive, name_of

__all__ = ["MEDIA", "exclusive", "name_of"]
