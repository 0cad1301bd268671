"""Backups of Django databases and media, streamed through rclone to any storage."""

__version__ = "0.1.0"
