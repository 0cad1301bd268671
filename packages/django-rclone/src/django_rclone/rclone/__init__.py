"""The only code that knows rclone."""

from .remote import Remote
from .sessions import session

__all__ = ["Remote", "session"]
