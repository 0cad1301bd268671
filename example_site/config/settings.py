"""Settings of the example site: a journal whose backups are stored in a folder.

Everything that differs between machines comes from the environment, and every
variable has a default that works on a laptop without a network.
"""

import os
from pathlib import Path

from django_rclone_notify.secrets import Secret

SITE_DIR = Path(__file__).resolve().parent.parent

DATA_DIR = Path(os.environ.get("JOURNAL_DATA_DIR") or SITE_DIR / "var").resolve()
# SQLite creates its file, but not the folder.
DATA_DIR.mkdir(parents=True, exist_ok=True)

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "for-development-only-set-DJANGO_SECRET_KEY")
DEBUG = os.environ.get("DJANGO_DEBUG", "1") == "1"
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "").split()

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_rclone",
    "django_rclone_notify",
    "journal",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "db.sqlite3"}
DATABASES = {"default": SQLITE}
if url := os.environ.get("JOURNAL_DATABASE_URL"):
    import dj_database_url

    DATABASES = {"default": dict(dj_database_url.parse(url))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
MEDIA_URL = "media/"
MEDIA_ROOT = DATA_DIR / "media"


# Backups: any rclone remote ("s3:bucket/journal") can replace the folder.

DJANGO_RCLONE = {
    "REMOTE": os.environ.get("JOURNAL_REMOTE") or str(DATA_DIR / "remote"),
    "ENVIRONMENT": os.environ.get("JOURNAL_ENVIRONMENT", "development"),
    "MEDIA_CACHE_DIR": DATA_DIR / "cache",
}
if bandwidth := os.environ.get("JOURNAL_BANDWIDTH"):
    DJANGO_RCLONE["RCLONE_FLAGS"] = [f"--bwlimit={bandwidth}"]


# For the receivers in journal/receivers.py and the notifier in journal/apps.py. The addresses
# are credentials.

SLACK_WEBHOOK_URL = os.environ.get("SLACK_WEBHOOK_URL", "")
HEALTHCHECK_URL = os.environ.get("HEALTHCHECK_URL", "")
RESTORES_WEBHOOK_URL = os.environ.get("RESTORES_WEBHOOK_URL", "")
WEBHOOK_TIMEOUT = float(os.environ.get("WEBHOOK_TIMEOUT", "10"))


# django-rclone-notify does the same without code, and reports failures too.

DJANGO_RCLONE_NOTIFY: dict[str, dict[str, object]] = {
    "log": {"BACKEND": "django_rclone_notify.notifiers.logging.LoggingNotifier"},
}
if url := os.environ.get("NOTIFY_SLACK_WEBHOOK_URL"):
    DJANGO_RCLONE_NOTIFY["slack"] = {
        "BACKEND": "django_rclone_notify.notifiers.slack.SlackNotifier",
        "OPTIONS": {"webhook_url": Secret(url)},
    }
if url := os.environ.get("NOTIFY_HEALTHCHECKS_URL"):
    DJANGO_RCLONE_NOTIFY["healthchecks"] = {
        "BACKEND": "django_rclone_notify.notifiers.healthchecks.HealthchecksNotifier",
        "OPTIONS": {"ping_url": Secret(url)},
        "OPERATIONS": ["db_backup"],
    }
if dsn := os.environ.get("NOTIFY_SENTRY_DSN"):
    DJANGO_RCLONE_NOTIFY["sentry"] = {
        "BACKEND": "django_rclone_notify.notifiers.sentry.SentryNotifier",
        "OPTIONS": {"dsn": Secret(dsn), "monitor_slug": "journal-database"},
        "OPERATIONS": ["db_backup"],
    }


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "[{levelname}] {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "backups": {"handlers": ["console"], "level": "INFO"},
        "django_rclone_notify": {"handlers": ["console"], "level": "INFO"},
    },
}
