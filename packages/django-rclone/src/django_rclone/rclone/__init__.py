"""The only code that knows rclone."""

from .remote import NOT_FOUND, Rclone

__all__ = ["NOT_FOUND", "Rclone"]
