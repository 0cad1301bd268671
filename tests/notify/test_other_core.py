"""Another project has the name ``django-rclone`` on the package index, and the same import name."""

import os
import subprocess
import sys

CHECK = """
import django
from django.conf import settings
from django.core.management import call_command

settings.configure(INSTALLED_APPS=["django_rclone", "django_rclone_notify"], SECRET_KEY="x")
django.setup()
call_command("check")
"""


def check_with(folder):
    return subprocess.run(
        [sys.executable, "-c", CHECK],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_package_of_another_project_is_named_by_check(tmp_path):
    package = tmp_path / "django_rclone"
    package.mkdir()
    (package / "__init__.py").write_text('__version__ = "0.4.0"  # FakeDjangoRclone\n')

    process = check_with(tmp_path)

    assert process.returncode == 1
    assert "django_rclone_notify.E001" in process.stderr
    assert "another project has the same name" in process.stderr
    assert "pip install ./packages/django-rclone ./packages/django-rclone-notify" in process.stderr


def test_the_package_of_this_project_passes(tmp_path):
    process = check_with(tmp_path)
    assert "django_rclone_notify.E001" not in process.stderr
