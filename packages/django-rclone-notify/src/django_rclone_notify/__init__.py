"""Ready-made receivers for django-rclone, switched on by settings."""

import logging

__version__ = "0.1.0"

# Where no logging is set up, the command's own warning is enough.
logging.getLogger(__name__).addHandler(logging.NullHandler())
