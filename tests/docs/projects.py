"""Copy examples of the documentation into a site."""

from pathlib import Path

from tests.docs.texts import PAGES, blocks
from tests.support.site import DjangoSite

STARTPROJECT = "from pathlib import Path\nBASE_DIR = Path(__file__).parent\n"
"""What `django-admin startproject` writes at the top of every settings module."""

VARIABLES = {
    "BACKUP_ACCESS_KEY_ID": "an id of the tests",
    "BACKUP_APPLICATION_KEY": "a key of the tests",
    "BACKUP_KEY": "a key of the tests",
    "BACKUP_KEY_ID": "an id of the tests",
    "BACKUP_PASSWORD": "a password of the tests",
    "BACKUP_SALT": "a salt of the tests",
    "BACKUP_SECRET_ACCESS_KEY": "a key of the tests",
    "BACKUP_WEBDAV_PASSWORD": "a password of the tests",
    "BACKUP_HOOK_SECRET": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    "BACKUP_HOOK_TOKEN": "Bearer of-the-tests",
    "BACKUP_HOOK_URL": "https://example.com/hooks/backups",
    "BACKUP_SIGNING_KEY": "a key of the tests",
    "OLD_BACKUP_SIGNING_KEY": "an older key of the tests",
    "HEALTHCHECKS_PING_KEY": "a-ping-key-of-22-chars",
    "HEALTHCHECKS_PING_URL": "https://hc-ping.com/0c8983c9-9d73-446f-adb5-0641fdacc9d4",
    "NTFY_URL": "ntfys://ntfy.sh/backups-of-the-shop",
    "PAGER_URL": "https://pager.example/key",
    "SLACK_BOT_TOKEN": "xoxb-a-token",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/X",
    "NO_PROXY": "127.0.0.1",
}
"""The environment variables that settings on the pages read."""

ELSEWHERE = {"RCLONE_CONFIG_BACKUPS_TYPE": "local", "RCLONE_CONFIG_OBJECTS_TYPE": "local"}
"""Remotes of the pages, for settings that do not configure them themselves."""


def settings_of_app(app: str, logger: str) -> str:
    """Return settings with an application more, and the records of a logger on stderr."""
    return f"""
INSTALLED_APPS = [*INSTALLED_APPS, {app!r}]
LOGGING = {{
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {{"console": {{"class": "logging.StreamHandler"}}}},
    "loggers": {{{logger!r}: {{"handlers": ["console"], "level": "INFO"}}}},
}}
"""


def write_files(site: DjangoSite, path: Path) -> None:
    """Write the files shown on a page into the folder of the site."""
    for block in blocks(path):
        kind, _, name = block.marker.partition(": ")
        if kind == "file":
            _write(site.folder / name, block.code)


def add_receivers(site: DjangoSite, code: str) -> None:
    """Add an application with these receivers, connected as shown on the page about signals."""
    write_files(site, PAGES / "signals.md")
    _write(site.folder / "myapp" / "signals.py", code)
    site.extra_settings = settings_of_app("myapp", "backups")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    (path.parent / "__init__.py").touch()
    path.write_text(text)
