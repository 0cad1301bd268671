"""The picture on the page of each notifier is up to date."""

import re
import struct

import pytest

from django_rclone_notify.notifications import NotificationState
from django_rclone_notify.notifiers.email import message as mails
from tests.docs.pictures.pages import PAGES as PICTURED
from tests.docs.pictures.screenshots import digest, source_of
from tests.docs.texts import PAGES, page

every_notifier = pytest.mark.parametrize("name", PICTURED)


@pytest.fixture(autouse=True)
def loopback_without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@every_notifier
def test_picture_is_up_to_date(name):
    picture = (PAGES / "pictures" / f"{name}.png").read_bytes()
    assert source_of(picture) == digest(PICTURED[name]()), (
        "The notification has changed: run `hatch run pictures:take` and look at the new picture."
    )


@every_notifier
def test_picture_is_small_and_described_in_words(name):
    [words] = re.findall(rf"!\[([^\n]+)\]\(pictures/{name}\.png\)", page(f"notify-{name}"))
    assert len(words) > 80
    picture = (PAGES / "pictures" / f"{name}.png").read_bytes()
    assert len(picture) < 60_000
    width, height = struct.unpack(">II", picture[16:24])
    assert width <= 800
    assert height <= 800


def test_every_notifier_page_has_one_picture():
    pages = {path.stem.removeprefix("notify-") for path in PAGES.glob("notify-*.md")}
    assert {path.stem for path in (PAGES / "pictures").iterdir()} == pages == set(PICTURED)


def test_changed_payload_would_be_noticed(monkeypatch: pytest.MonkeyPatch):
    before = digest(PICTURED["email"]())
    monkeypatch.setitem(mails._COLORS, NotificationState.FAILED, "#ff0000")
    assert digest(PICTURED["email"]()) != before
