"""Ready-made receivers for django-rclone, switched on by settings."""

__version__ = "0.1.0"
