"""Email, through Django's mail backends."""

from .notifier import EmailNotifier

__all__ = ["EmailNotifier"]
