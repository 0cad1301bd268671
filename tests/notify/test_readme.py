import re
from pathlib import Path

import pytest
from django.core.checks import run_checks

from django_rclone.events import OperationEvent
from tests.notify import samples

README = Path(__file__).parents[2] / "packages" / "django-rclone-notify" / "README.md"


def python_block(number):
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[number]


def test_settings_example_passes_the_checks(settings, monkeypatch):
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/X")
    monkeypatch.setenv("HEALTHCHECKS_PING_URL", "https://hc-ping.com/uuid")
    namespace: dict = {}
    exec(python_block(0), namespace)
    settings.DJANGO_RCLONE_NOTIFY = namespace["DJANGO_RCLONE_NOTIFY"]
    assert len(settings.DJANGO_RCLONE_NOTIFY) == 4
    assert [m for m in run_checks() if "notify" in (m.id or "")] == []


@pytest.mark.parametrize("answered", [True, False])
def test_example_of_an_own_notifier_works(answered):
    pages: list[str] = []

    def page(number: str, text: str) -> bool:
        pages.append(text)
        return answered

    namespace: dict = {"page": page, "__name__": "site"}
    exec(python_block(1), namespace)
    notifier = namespace["PagerNotifier"](number="110")
    event: OperationEvent = samples.FAILED
    if answered:
        notifier.notify(event)
    else:
        with pytest.raises(namespace["NotifierError"]):
            notifier.notify(event)
    assert pages == ['[production] Backup of database "default" failed on web-1']
