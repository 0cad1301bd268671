"""Ready-made receivers for django-rclone, configured in the settings."""

import logging

__version__ = "1.0.0a1"

# A site without logging gets the command's own warnings, not Python's last resort as well.
logging.getLogger(__name__).addHandler(logging.NullHandler())
