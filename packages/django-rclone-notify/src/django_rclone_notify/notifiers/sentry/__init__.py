"""Sentry: issues for failures, check-ins for cron monitors."""

from .notifier import SentryNotifier

__all__ = ["SentryNotifier"]
