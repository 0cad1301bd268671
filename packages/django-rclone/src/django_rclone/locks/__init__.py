"""One run at a time, on however many hosts."""

from .lease import MEDIA_LOCK, exclusive, lock_name

__all__ = ["MEDIA_LOCK", "exclusive", "lock_name"]
