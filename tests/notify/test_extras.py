"""The package without its extras: in a fresh interpreter that finds only Django."""

import subprocess
import sys

import pytest

PREPARE = """
import sys

class FakeAbsence:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"apprise", "requests", "sentry_sdk", "urllib3"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, FakeAbsence())

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django_rclone_notify"],
    DJANGO_RCLONE_NOTIFY={"ops": {"BACKEND": BACKEND, "OPTIONS": OPTIONS}},
)
django.setup()
"""
NOTIFIERS = "django_rclone_notify.notifiers"
NEED_EXTRAS = [
    ("slack", f"{NOTIFIERS}.slack.SlackNotifier", {"webhook_url": "https://s3cret.example/x"}),
    (
        "healthchecks",
        f"{NOTIFIERS}.healthchecks.HealthchecksNotifier",
        {"ping_url": "https://s3cret.example/x"},
    ),
    (
        "webhook",
        f"{NOTIFIERS}.webhook.WebhookNotifier",
        {"url": "https://s3cret.example/x"},
    ),
    (
        "apprise",
        f"{NOTIFIERS}.apprise.AppriseNotifier",
        {"urls": ["json://s3cret.example/x"]},
    ),
    ("sentry", f"{NOTIFIERS}.sentry.SentryNotifier", {"monitor_slug": "nightly"}),
]


def run(backend, options, program):
    source = f"BACKEND = {backend!r}\nOPTIONS = {options!r}\n{PREPARE}\n{program}"
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=240
    )


@pytest.mark.parametrize(
    ("extra", "backend", "options"), NEED_EXTRAS, ids=[n[0] for n in NEED_EXTRAS]
)
def test_check_names_the_extra_to_install(extra, backend, options):
    done = run(
        backend,
        options,
        "from django.core.checks import run_checks\n"
        "for message in run_checks(): print(message.id, message.hint)",
    )
    assert done.stdout.splitlines() == [
        f'django_rclone_notify.W006 Run: pip install "django-rclone-notify[{extra}]"'
    ]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("extra", "backend", "options"), NEED_EXTRAS, ids=[n[0] for n in NEED_EXTRAS]
)
def test_missing_extra_is_a_warning_that_names_it(extra, backend, options):
    done = run(
        backend,
        {**options},
        "from datetime import UTC, datetime\n"
        "from django_rclone.events import Operation, OperationEvent, State\n"
        "from django_rclone.signals import operation_changed\n"
        "event = OperationEvent(operation_id='0', operation=Operation.DB_BACKUP,\n"
        "    state=State.FAILED, environment='', host='h', started_at=datetime.now(UTC))\n"
        "[(_, warnings)] = operation_changed.send_robust(object, event=event)\n"
        "print(*warnings, sep='\\n')",
    )
    assert done.stderr == ""
    [warning] = done.stdout.splitlines()
    assert warning.endswith(f'Run: pip install "django-rclone-notify[{extra}]"')
    assert "s3cret" not in warning


def test_package_works_with_django_alone():
    done = run(
        f"{NOTIFIERS}.logging.LoggingNotifier",
        {},
        "from django.core.management import call_command\ncall_command('notifytest')",
    )
    assert done.stdout.startswith(
        'ops: LoggingNotifier sent "succeeded": logged to django_rclone_notify.operations.db_backup'
    )
    assert done.returncode == 0
