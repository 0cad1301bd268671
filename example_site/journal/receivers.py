"""Four receivers to copy and adapt: logging, Slack, a health check and a restore guard.

``apps.py`` imports this module, which connects them. A receiver of a ``post_*``
signal cannot break a backup, whatever it does; a receiver of a ``pre_*`` signal
vetoes the operation by raising. The settings ``SLACK_WEBHOOK_URL``, ``HEALTHCHECK_URL`` and
``WEBHOOK_TIMEOUT``, which this site reads from the environment, go with them.
"""

import logging
import os

import requests
from django.conf import settings
from django.dispatch import receiver

from django_rclone.signals import post_db_backup, post_db_restore, pre_db_restore

logger = logging.getLogger("backups")


# 1. Logging


@receiver(post_db_backup)
def log_backup(sender: type, database: str, path: str, **kwargs: object) -> None:
    """Log the path of the backup."""
    logger.info("Database '%s' backed up to %s", database, path)


@receiver(post_db_restore)
def log_restore(sender: type, database: str, **kwargs: object) -> None:
    """Log which database was restored."""
    logger.info("Database '%s' restored", database)


# 2. Slack notification


@receiver(post_db_backup)
def notify_slack(sender: type, database: str, path: str, **kwargs: object) -> None:
    """Post to ``SLACK_WEBHOOK_URL``, if it is set."""
    if not settings.SLACK_WEBHOOK_URL:
        return
    try:
        response = requests.post(
            settings.SLACK_WEBHOOK_URL,
            json={"text": f"Database `{database}` backed up to `{path}`"},
            timeout=settings.WEBHOOK_TIMEOUT,
        )
        if not response.ok:
            logger.warning("Slack answered %s", response.status_code)
    except requests.RequestException as error:
        # The text of the error contains the URL, and anyone who has the URL may post.
        logger.warning("Slack could not be reached: %s", type(error).__name__)


# 3. Health check ping


@receiver(post_db_backup)
def ping_healthcheck(sender: type, **kwargs: object) -> None:
    """Ping ``HEALTHCHECK_URL``, if it is set."""
    if not settings.HEALTHCHECK_URL:
        return
    try:
        response = requests.get(settings.HEALTHCHECK_URL, timeout=settings.WEBHOOK_TIMEOUT)
        if not response.ok:
            logger.warning("The health check answered %s", response.status_code)
    except requests.RequestException as error:
        logger.warning("The health check could not be reached: %s", type(error).__name__)


# 4. Restore guard


@receiver(pre_db_restore)
def confirm_restore(sender: type, database: str, path: str, **kwargs: object) -> None:
    """Veto a restore of the default database unless the variable ``ALLOW_RESTORE`` is ``1``."""
    if database == "default" and os.environ.get("ALLOW_RESTORE") != "1":
        raise RuntimeError(f"Set ALLOW_RESTORE=1 to replace the database '{database}'")
