"""Settings of the test run. Every test that backs up anything makes a site of its own."""

import tempfile
from pathlib import Path

_FOLDER = Path(tempfile.gettempdir()) / "django-rclone-tests-have-no-site"

SECRET_KEY = "the-secret-key-of-the-tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django_rclone",
    "django_rclone_notify",
]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": _FOLDER / "db.sqlite3"},
}
# Django has it from 6.1 on; there, without it, a mail is a warning.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
DJANGO_RCLONE = {"REMOTE": str(_FOLDER / "remote")}
