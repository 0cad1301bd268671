"""The only code that knows rclone."""

from .remote import NOT_FOUND, Remote

__all__ = ["NOT_FOUND", "Remote"]
