import os
import re
from pathlib import Path

import pytest
from django.core.checks import run_checks

from django_rclone_notify.notifiers.slack.notifier import SlackNotifier
from django_rclone_notify.receivers import connect
from tests.notify import samples
from tests.notify.fake_healthchecks import CHECK

README = Path(__file__).parents[2] / "packages" / "django-rclone-notify" / "README.md"


def python_block(number):
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[number]


def test_settings_example_passes_the_checks(settings, monkeypatch):
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/X")
    monkeypatch.setenv("HEALTHCHECKS_PING_URL", f"https://hc-ping.com/{CHECK}")
    namespace: dict = {}
    exec(python_block(0), namespace)
    settings.DJANGO_RCLONE_NOTIFY = namespace["DJANGO_RCLONE_NOTIFY"]
    assert len(settings.DJANGO_RCLONE_NOTIFY) == 4
    assert [m for m in run_checks() if "notify" in (m.id or "")] == []


def test_connect_example_works(server, send, monkeypatch, configure):
    configure()
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{server.url}/hook")
    undo: list = []
    namespace = {
        "connect": lambda *args, **options: undo.append(connect(*args, **options)),
        "SlackNotifier": SlackNotifier,
        "os": os,
    }
    exec(python_block(1), namespace)
    try:
        assert send(*samples.ALL) == []
    finally:
        undo[0]()
    [request] = server.requests
    assert request.path == "/hook"


@pytest.mark.parametrize("answered", [True, False])
def test_custom_notifier_example_works(answered):
    pages: list[str] = []

    def page(number: str, text: str) -> bool:
        pages.append(text)
        return answered

    namespace: dict = {"page": page, "__name__": "site"}
    exec(python_block(2), namespace)
    notifier = namespace["PagerNotifier"](number="110")
    if answered:
        assert notifier.notify(samples.FAILURE) == "paged"
    else:
        with pytest.raises(namespace["NotifierError"]):
            notifier.notify(samples.FAILURE)
    assert pages == ['[production] Backup of database "default" failed on web-1']
