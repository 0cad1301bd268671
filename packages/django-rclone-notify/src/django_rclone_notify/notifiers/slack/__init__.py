"""Slack, through an incoming webhook or as a bot."""

from .notifier import SlackNotifier

__all__ = ["SlackNotifier"]
