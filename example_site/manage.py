#!/usr/bin/env python
"""Run the site's management commands."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Pass the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
