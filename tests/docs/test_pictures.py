"""The picture on the page of each notifier shows what really arrives."""

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
def test_the_picture_is_of_what_arrives_now(name):
    picture = (PAGES / "pictures" / f"{name}.png").read_bytes()
    assert source_of(picture) == digest(PICTURED[name]()), (
        "What arrives has changed. Look at it, and take the picture anew: hatch run pictures:take"
    )


@every_notifier
def test_the_picture_is_on_the_page_small_and_told_in_words(name):
    [words] = re.findall(rf"!\[([^\n]+)\]\(pictures/{name}\.png\)", page(f"notify-{name}"))
    assert len(words) > 80
    picture = (PAGES / "pictures" / f"{name}.png").read_bytes()
    assert len(picture) < 60_000
    width, height = struct.unpack(">II", picture[16:24])
    assert width <= 800
    assert height <= 800


def test_every_page_of_a_notifier_has_its_picture_and_there_is_no_other():
    pages = {path.stem.removeprefix("notify-") for path in PAGES.glob("notify-*.md")}
    assert {path.stem for path in (PAGES / "pictures").iterdir()} == pages == set(PICTURED)


def test_a_changed_payload_would_be_found(monkeypatch: pytest.MonkeyPatch):
    before = digest(PICTURED["email"]())
    monkeypatch.setitem(mails._COLORS, NotificationState.FAILED, "#ff0000")
    assert digest(PICTURED["email"]()) != before
