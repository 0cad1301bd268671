"""Sentry: cron monitors and issues, through the Sentry SDK."""

from .notifier import SentryNotifier

__all__ = ["SentryNotifier"]
