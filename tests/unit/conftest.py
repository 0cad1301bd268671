"""Fixtures of the unit tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings as django_settings
from pytest_django import Settings as DjangoSettings

from django_rclone import conf
from django_rclone.conf import Settings

# No deadline: the machines that run this share their cores. No database: nothing stays behind.
hypothesis.settings.register_profile("unit", deadline=None, database=None, max_examples=60)
hypothesis.settings.load_profile("unit")

Configure = Callable[..., Settings]
Databases = Callable[[dict[str, Any]], None]


@pytest.fixture
def configure(settings: DjangoSettings) -> Configure:
    """Make keyword arguments the whole of ``DJANGO_RCLONE``, and read it."""

    def read(**keys: Any) -> Settings:
        settings.DJANGO_RCLONE = {"REMOTE": "name:path", **keys}
        return conf.load()

    return read


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write an executable shell script."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    """Make what is given the ``DATABASES`` of the settings; none of them is opened."""

    def replace(values: dict[str, Any]) -> None:
        # Not through the ``settings`` fixture: Django warns about that, since it changes
        # nothing for connections that are there. Here nobody connects.
        monkeypatch.setattr(django_settings, "DATABASES", values)

    return replace
