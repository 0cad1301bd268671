"""Slack, by an incoming webhook or by a bot."""

from .notifier import SlackNotifier

__all__ = ["SlackNotifier"]
