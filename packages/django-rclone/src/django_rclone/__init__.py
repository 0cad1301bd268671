"""Backups of Django databases and media, streamed through rclone to any storage."""

import logging

# Warnings are shown by the commands; without a handler logging would show them twice.
logging.getLogger(__name__).addHandler(logging.NullHandler())

__version__ = "1.0.0a1"
