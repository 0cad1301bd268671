"""The examples of the signals' documentation work as they are written there."""

import re
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.example_site import run
from tests.support.http_server import LoopbackServer, refusing_url

LOGGING = """\
# myapp/signals.py
import logging
from django.dispatch import receiver
from django_rclone.signals import post_db_backup, post_db_restore

logger = logging.getLogger("backups")

@receiver(post_db_backup)
def log_backup(sender, database, path, **kwargs):
    logger.info("Database '%s' backed up to %s", database, path)

@receiver(post_db_restore)
def log_restore(sender, database, **kwargs):
    logger.info("Database '%s' restored", database)
"""

SLACK = """\
import requests
from django.dispatch import receiver
from django_rclone.signals import post_db_backup

SLACK_WEBHOOK = "https://hooks.slack.com/services/..."

@receiver(post_db_backup)
def notify_slack(sender, database, path, **kwargs):
    requests.post(SLACK_WEBHOOK, json={
        "text": f"Database `{database}` backed up to `{path}`",
    })
"""

HEALTH_CHECK = """\
import requests
from django.dispatch import receiver
from django_rclone.signals import post_db_backup

@receiver(post_db_backup)
def ping_healthcheck(sender, **kwargs):
    requests.get("https://hc-ping.com/your-uuid-here")
"""

GUARD = """\
from django.dispatch import receiver
from django_rclone.signals import pre_db_restore

@receiver(pre_db_restore)
def confirm_restore(sender, database, path, **kwargs):
    if database == "default":
        # Custom safeguard: could check an env var or flag
        import os
        if not os.environ.get("ALLOW_RESTORE"):
            raise RuntimeError("Set ALLOW_RESTORE=1 to restore the production database")
"""

WIRING = """\
# myapp/apps.py
from django.apps import AppConfig

class MyAppConfig(AppConfig):
    name = "myapp"

    def ready(self):
        import myapp.signals  # noqa: F401
"""

SETTINGS = """\
from pathlib import Path

BASE_DIR = Path(__file__).parent
SECRET_KEY = "published examples"
USE_TZ = True
INSTALLED_APPS = ["django_rclone", "myapp"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},
    "archive": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "archive.sqlite3"},
}
DJANGO_RCLONE = {"REMOTE": str(BASE_DIR / "remote")}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"backups": {"handlers": ["console"], "level": "INFO"}},
}
"""


@dataclass(frozen=True, slots=True)
class Project:
    """The smallest project with an application ``myapp``, which holds one example."""

    folder: Path

    def use(self, example: str) -> None:
        (self.folder / "myapp" / "signals.py").write_text(example)

    def run(self, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"DJANGO_SETTINGS_MODULE": "project_settings", "PYTHONPATH": str(self.folder)}
        environment = {**settings, "NO_PROXY": "127.0.0.1", **environment}
        return run("-m", "django", *argv, environment=environment, folder=self.folder)

    def values(self, alias: str = "db") -> list[int]:
        connection = sqlite3.connect(self.folder / f"{alias}.sqlite3")
        try:
            return [row[0] for row in connection.execute("SELECT value FROM thing ORDER BY value")]
        finally:
            connection.close()

    def change(self, alias: str = "db") -> None:
        connection = sqlite3.connect(self.folder / f"{alias}.sqlite3")
        with connection:
            connection.execute("UPDATE thing SET value = value + 100")
        connection.close()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    (folder / "myapp").mkdir(parents=True)
    (folder / "myapp" / "__init__.py").touch()
    (folder / "myapp" / "apps.py").write_text(WIRING)
    (folder / "project_settings.py").write_text(SETTINGS)
    for alias in ("db", "archive"):
        connection = sqlite3.connect(folder / f"{alias}.sqlite3")
        with connection:
            connection.execute("CREATE TABLE thing (value integer)")
            connection.executemany("INSERT INTO thing VALUES (?)", [(1,), (2,), (3,)])
        connection.close()
    return Project(folder)


def test_the_logging_example_logs_backup_and_restore(project: Project) -> None:
    project.use(LOGGING)

    backup = project.run("dbbackup")
    restore = project.run("dbrestore", "-d", "default", "--noinput")

    assert (backup.returncode, restore.returncode) == (0, 0), backup.stderr + restore.stderr
    assert re.search(r"^Database 'default' backed up to db/default-\S+$", backup.stderr, re.M)
    assert re.search(r"^Database 'default' restored$", restore.stderr, re.M)


def test_the_slack_example_posts_the_stored_path(project: Project, server: LoopbackServer) -> None:
    project.use(SLACK.replace("https://hooks.slack.com/services/...", server.url + "/services/T/B"))

    process = project.run("dbbackup")

    assert process.returncode == 0, process.stderr
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/services/T/B")
    path = re.fullmatch(r"Database `default` backed up to `(.+)`", request.json()["text"])
    assert path is not None
    assert (project.folder / "remote" / path[1]).is_file()


def test_the_health_check_example_pings_once(project: Project, server: LoopbackServer) -> None:
    project.use(HEALTH_CHECK.replace("https://hc-ping.com/your-uuid-here", server.url + "/uuid"))

    process = project.run("dbbackup")

    assert process.returncode == 0, process.stderr
    assert [(request.method, request.path) for request in server.requests] == [("GET", "/uuid")]


def test_the_health_check_example_cannot_break_a_backup(project: Project) -> None:
    with refusing_url() as url:
        project.use(HEALTH_CHECK.replace("https://hc-ping.com/your-uuid-here", url))
        process = project.run("dbbackup")

    assert process.returncode == 0, process.stderr
    assert "ping_healthcheck" in process.stderr


def test_the_guard_example_forbids_a_restore(project: Project) -> None:
    project.use(GUARD)
    project.run("dbbackup")
    project.change()

    process = project.run("dbrestore", "-d", "default", "--noinput")

    assert process.returncode == 4
    assert "Set ALLOW_RESTORE=1 to restore the production database" in process.stderr
    assert project.values() == [101, 102, 103]


def test_the_guard_example_lets_an_allowed_restore_pass(project: Project) -> None:
    project.use(GUARD)
    project.run("dbbackup")
    project.change()

    process = project.run("dbrestore", "-d", "default", "--noinput", ALLOW_RESTORE="1")

    assert process.returncode == 0, process.stderr
    assert project.values() == [1, 2, 3]


def test_the_guard_example_guards_the_default_database_alone(project: Project) -> None:
    project.use(GUARD)
    project.run("dbbackup", "-d", "archive")
    project.change("archive")

    process = project.run("dbrestore", "-d", "archive", "--noinput")

    assert process.returncode == 0, process.stderr
    assert project.values("archive") == [1, 2, 3]


def test_the_four_examples_work_together(project: Project, server: LoopbackServer) -> None:
    slack = SLACK.replace("https://hooks.slack.com/services/...", server.url + "/slack")
    health_check = HEALTH_CHECK.replace("https://hc-ping.com/your-uuid-here", server.url + "/ping")
    project.use("\n".join([LOGGING, slack, health_check, GUARD]))

    backup = project.run("dbbackup")
    restore = project.run("dbrestore", "-d", "default", "--noinput")

    assert (backup.returncode, restore.returncode) == (0, 4), backup.stderr + restore.stderr
    assert "backed up to" in backup.stderr
    assert [request.path for request in server.requests] == ["/slack", "/ping"]
