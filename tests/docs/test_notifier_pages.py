"""Each notifier has a page: with its options, and a picture of what really arrives."""

import ast
import inspect
import re
import struct

import pytest
from django.utils.module_loading import import_string

from django_rclone_notify import mails
from django_rclone_notify.construction import SHIPPED
from django_rclone_notify.notices import NoticeState
from tests.docs.pictures.pages import PAGES as PICTURED
from tests.docs.pictures.screenshots import digest, source_of
from tests.docs.texts import NOTIFY, PAGES, page, rows

NOTIFIERS = {path.split(".")[-2]: import_string(path) for path in SHIPPED if "dummy" not in path}
"""From the name of a notifier's module to the notifier."""

every_notifier = pytest.mark.parametrize("name", NOTIFIERS)


@pytest.fixture(autouse=True)
def loopback_without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_every_notifier_there_is_is_shipped_and_has_a_page():
    folder = NOTIFY / "src" / "django_rclone_notify" / "notifiers"
    found = {path.stem for path in folder.glob("*.py") if "Notifier)" in path.read_text()}
    assert found == {*NOTIFIERS, "dummy"}
    assert {path.stem for path in PAGES.glob("notify-*.md")} == {f"notify-{n}" for n in NOTIFIERS}


@every_notifier
def test_every_option_is_documented_with_its_default(name):
    notifier = NOTIFIERS[name]
    text = page(f"notify-{name}")
    assert f"`{notifier.__module__}.{notifier.__qualname__}`" in text
    [table] = re.findall(r"^\| option \| default \|\n(?:\|.+\|\n)+", text, re.M)
    documented = {
        option: default for cell, default in rows(table).items() for option in cell.split(", ")
    }
    parameters = inspect.signature(notifier).parameters
    assert set(documented) == set(parameters)
    for option, parameter in parameters.items():
        if parameter.default not in (parameter.empty, None):
            match = re.match(r"`(.+?)`", documented[option])
            assert match, option
            assert ast.literal_eval(match[1]) == parameter.default


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


def test_there_is_no_picture_of_anything_else():
    assert {path.stem for path in (PAGES / "pictures").iterdir()} == set(NOTIFIERS) == set(PICTURED)


def test_a_changed_payload_would_be_found(monkeypatch: pytest.MonkeyPatch):
    before = digest(PICTURED["email"]())
    monkeypatch.setitem(mails._LOOKS, NoticeState.FAILED, ("Failed", "#ff0000"))
    assert digest(PICTURED["email"]()) != before
