import itertools
import re
from pathlib import Path
from pprint import pformat

import pytest
from django.core.checks import run_checks
from django.views.debug import get_default_exception_reporter_filter

from django_rclone_notify import checks
from django_rclone_notify.secrets import Secret, texts
from tests.notify.endpoints import SECRET
from tests.notify.fake_healthchecks import CHECK, KEY
from tests.notify.services import NOTIFIERS

SLACK = f"{NOTIFIERS}.slack.SlackNotifier"
DUMMY = f"{NOTIFIERS}.dummy.DummyNotifier"
APPRISE = f"{NOTIFIERS}.apprise.AppriseNotifier"
WEBHOOK = f"{NOTIFIERS}.webhook.WebhookNotifier"
SENTRY = f"{NOTIFIERS}.sentry.SentryNotifier"
HEALTHCHECKS = f"{NOTIFIERS}.healthchecks.HealthchecksNotifier"
URL = {"webhook_url": Secret(f"https://hooks.example/{SECRET}")}
OPS = 'DJANGO_RCLONE_NOTIFY["ops"]'


def found():
    messages = [((m.id or "").split("."), f"{m.msg}. {m.hint}") for m in run_checks()]
    return [(name[1], text) for name, text in messages if name[0] == "django_rclone_notify"]


@pytest.mark.parametrize(
    "channels",
    [
        {},
        {"ops": {"BACKEND": SLACK, "OPTIONS": URL}},
        {
            "ops": {
                "BACKEND": DUMMY,
                "STATES": ["failed", "succeeded"],
                "OPERATIONS": ("db_backup",),
                "DATABASES": {"default"},
                "ENVIRONMENTS": ["production"],
            },
            "beat": {"BACKEND": HEALTHCHECKS, "OPTIONS": {"ping_key": KEY, "slug": "s"}},
        },
    ],
    ids=["empty", "one", "everything"],
)
def test_right_settings_pass(channels, configure):
    configure(**channels)
    assert found() == []


@pytest.mark.parametrize(
    ("entry", "code", "text"),
    [
        ("slack", "W003", f'{OPS} must be a dictionary. Write {{"BACKEND": "...", '),
        ({"STATE": []}, "W003", f'{OPS}["STATE"] is unknown. Did you mean "STATES"? Known: '),
        ({"options": {}}, "W003", f'{OPS}["options"] is unknown. Did you mean "OPTIONS"? '),
        ({"STATES": "failed"}, "W003", f'{OPS}["STATES"] must be a list. Write ["failed"].'),
        ({"STATES": 5}, "W003", f'{OPS}["STATES"] must be a list. '),
        ({"STATES": []}, "W003", f'{OPS}["STATES"] is empty. Nothing would ever be sent. '),
        ({"STATES": [5]}, "W003", f'{OPS}["STATES"] must contain only strings. '),
        (
            {"STATES": ["faild"]},
            "W003",
            f'{OPS}["STATES"] contains the unknown value \'faild\'. Did you mean "failed"? Known: failed, rec',
        ),
        (
            {"OPERATIONS": ["dbbackup"]},
            "W003",
            f'{OPS}["OPERATIONS"] contains the unknown value \'dbbackup\'. Did you mean "db_backup"? ',
        ),
        (
            {"DATABASES": ["defualt"]},
            "W003",
            f'{OPS}["DATABASES"] contains the unknown value \'defualt\'. Did you mean "default"? ',
        ),
        ({"ENVIRONMENTS": "x"}, "W003", f'{OPS}["ENVIRONMENTS"] must be a list. Write ["x"].'),
        ({"TIMEOUT": "10"}, "W003", f'{OPS}["TIMEOUT"] must be a number of seconds, above 0 and '),
        ({"TIMEOUT": True}, "W003", f'{OPS}["TIMEOUT"] must be a number of seconds, above 0 and '),
        ({"TIMEOUT": 0}, "W003", f'{OPS}["TIMEOUT"] must be a number of seconds, above 0 and at '),
        ({"TIMEOUT": 1e9}, "W003", f'{OPS}["TIMEOUT"] must be a number of seconds, above 0 and '),
        ({"TIMEOUT": float("nan")}, "W003", f'{OPS}["TIMEOUT"] must be a number of seconds, '),
        (
            {"DATABASES": ["default"], "OPERATIONS": ["media_backup", "media_restore"]},
            "W007",
            f"{OPS} would never be notified: DATABASES excludes media operations, and OPERATIO",
        ),
        ({"OPTIONS": ["x"]}, "W003", f'{OPS}["OPTIONS"] must be a dictionary of named options. '),
        ({"BACKEND": None}, "W004", f'{OPS}["BACKEND"] must be the dotted path of a notifier. '),
        ({"BACKEND": "slack"}, "W004", f'{OPS}["BACKEND"] cannot be imported (ImportError: '),
        (
            {"BACKEND": SLACK + "r"},
            "W004",
            f'Did you mean "{SLACK}"? ',
        ),
        ({"BACKEND": "pathlib.Path"}, "W004", "is pathlib.Path, which is not a notifier. Derive"),
        (
            {"BACKEND": f"{NOTIFIERS}.base.Notifier"},
            "W004",
            "Notifier, which is not a notifier. Derive",
        ),
    ],
    ids=itertools.count(),
)
def test_mistake_is_reported_with_its_path_and_the_fix(entry, code, text, configure):
    if isinstance(entry, dict):
        entry = {"BACKEND": DUMMY, **entry}
    configure(ops=entry)
    [(actual_code, actual_text)] = found()
    assert actual_code == code
    assert text in actual_text


@pytest.mark.parametrize(
    ("backend", "options", "text"),
    [
        (
            SLACK,
            {**URL, "chanel": "#ops"},
            '["chanel"] is unknown. Did you mean "channel"? Known: ',
        ),
        (SLACK, {"webhook_ur": URL["webhook_url"]}, '["webhook_ur"] is unknown. Did you mean "w'),
        (SLACK, {"webhook_url": SECRET}, '["webhook_url"] must be a URL that starts with'),
        (SLACK, {"webhook_url": f"ftp://{SECRET}"}, '["webhook_url"] must be a URL that'),
        (SLACK, {"webhook_url": f"https://x:{SECRET}/"}, '["webhook_url"] must be a URL'),
        (SLACK, {"webhook_url": f"https://x/{SECRET} y"}, '["webhook_url"] must be a URL'),
        (SLACK, {"webhook_url": 5}, '["webhook_url"] must be a non-empty string. '),
        (SLACK, {**URL, "include_error": "no"}, '["include_error"] must be True or False. '),
        (HEALTHCHECKS, {}, '["ping_url"] is missing. Copy the URL from the '),
        (HEALTHCHECKS, {"slug": "nightly"}, '["ping_key"] must be a non-empty string. '),
        (HEALTHCHECKS, {"ping_key": SECRET, "slug": "x"}, '["ping_key"] must be 22 letters, digi'),
        (HEALTHCHECKS, {"ping_key": Secret(KEY), "slug": "A B"}, '["slug"] must be a slug of at '),
        (
            HEALTHCHECKS,
            {"ping_url": f"https://x/{SECRET}"},
            '["ping_url"] is not the ping URL of a check. Copy ',
        ),
        (
            HEALTHCHECKS,
            {"ping_url": f"https://hc-ping.com/{CHECK}/start"},
            '["ping_url"] must not include a signal. Remove /start, /fail, /log or the number',
        ),
        (
            HEALTHCHECKS,
            {"ping_url": f"https://healthchecks.io/checks/{CHECK}"},
            '["ping_url"] is not the ping URL of a check. Copy the ping URL: it ends in a UUID, or',
        ),
        (SLACK, {}, '["webhook_url"] is missing. Copy it from the page of the Slack app, or set '),
        (
            HEALTHCHECKS,
            {"ping_url": {"defualt": f"https://hc-ping.com/{CHECK}"}},
            '["ping_url"] names the unknown database \'defualt\'. Did you mean "default"? Known: ',
        ),
        (SLACK, {"bot_token": SECRET}, '["channel"] must be a non-empty string. '),
        (SLACK, {"channel": "C1"}, '["bot_token"] must be a non-empty string. '),
        (
            SLACK,
            {**URL, "bot_token": Secret(SECRET), "channel": "C1"},
            '["webhook_url"] identifies the channel a second time. Keep webhook_url, or bot_token and',
        ),
        (SENTRY, {"capture_failures": False}, '["monitor_slug"] is missing. Without a monitor '),
        (SENTRY, {"monitor_slug": "x", "schedule": "daily"}, '["schedule"] is not a schedule. '),
        (SENTRY, {"monitor_slug": "x", "schedule": (0, "day")}, '["schedule"] is not a schedule'),
        (
            SENTRY,
            {"monitor_slug": "x", "schedule": (1, "dya")},
            '["schedule"] has an unknown unit. Did you mean "day"? ',
        ),
        (SENTRY, {"monitor_slug": "x", "max_runtime": 5}, '["max_runtime"] needs a schedule. '),
        (
            SENTRY,
            {"monitor_slug": "x", "schedule": "0 3 * * *", "checkin_margin": "5"},
            '["checkin_margin"] must be a whole number of minutes above 0. ',
        ),
        (
            HEALTHCHECKS,
            {"ping_url": f"https://x/{SECRET}", "slug": "nightly"},
            '["ping_url"] identifies the check a second time. Keep ping_url, or ping_key and slug.',
        ),
        (SENTRY, {"monitor_slug": " "}, '["monitor_slug"] must be a slug of at most 50 characters'),
        (SENTRY, {"monitor_slug": "x", "dsn": SECRET}, '["dsn"] is not a DSN. Copy it from '),
        (SENTRY, {"monitor_slug": "x", "dsn": f"https://x/{SECRET}"}, '["dsn"] is not a DSN. '),
        (
            f"{NOTIFIERS}.logging.LoggingNotifier",
            {"logger": 5},
            '["logger"] must be a non-empty string',
        ),
        (DUMMY, {"x": 1}, '["x"] is unknown. Known: none.'),
    ],
    ids=itertools.count(),
)
def test_invalid_option_is_reported_without_its_value(backend, options, text, configure):
    configure(ops={"BACKEND": backend, "OPTIONS": options})
    [(code, actual)] = found()
    assert code == "W005"
    assert f'{OPS}["OPTIONS"]{text}' in actual
    assert SECRET not in actual


def test_all_mistakes_are_reported_at_once(configure):
    configure(
        ops={"BACKEND": "nope", "STATES": ["x"], "DATABASES": "default", "EXTRA": 1},
        other={"BACKEND": SLACK},
    )
    assert sorted(code for code, _ in found()) == ["W003", "W003", "W003", "W004", "W005"]


def test_setting_must_be_a_dictionary(settings):
    settings.DJANGO_RCLONE_NOTIFY = ["slack"]
    assert [code for code, _ in found()] == ["W003"]


def test_error_of_a_constructor_is_reported_without_its_text(configure):
    configure(ops={"BACKEND": "tests.notify.fake_notifiers.FakeUnbuildable"})
    [(code, text)] = found()
    assert code == "W005"
    assert "RuntimeError at fake_notifiers.py" in text
    assert "secret" not in text


def as_shown_on_error_pages(settings):
    reports = get_default_exception_reporter_filter().get_safe_settings()
    return pformat(reports["DJANGO_RCLONE_NOTIFY"], width=10_000)


@pytest.mark.parametrize(
    ("backend", "option", "options"),
    [
        (SLACK, "webhook_url", {"webhook_url": f"https://hooks.example/{SECRET}"}),
        (HEALTHCHECKS, "ping_url", {"ping_url": f"https://hc.example/{CHECK}"}),
        (HEALTHCHECKS, "ping_url", {"ping_url": {"default": f"https://hc.example/{CHECK}"}}),
        (SENTRY, "dsn", {"monitor_slug": "x", "dsn": f"https://{SECRET}@sentry.example/1"}),
        (APPRISE, "urls", {"urls": [f"json://localhost/{SECRET}"]}),
        (WEBHOOK, "headers", {"url": URL["webhook_url"], "headers": {"X-Hook": SECRET}}),
    ],
    ids=itertools.count(),
)
def test_leaked_secret_is_reported_with_the_fix(backend, option, options, configure, settings):
    configure(ops={"BACKEND": backend, "OPTIONS": options})
    [secret] = texts(options[option])
    assert secret in as_shown_on_error_pages(settings)
    [(code, text)] = found()
    assert code == "W001"
    assert f'{OPS}["OPTIONS"]["{option}"] is a secret' in text
    assert "Secret(...)" in text
    assert secret not in text

    configure(ops={"BACKEND": backend, "OPTIONS": options | {option: wrapped(options[option])}})
    assert secret not in as_shown_on_error_pages(settings)
    assert found() == []


def wrapped(value):
    if isinstance(value, dict):
        return {key: Secret(text) for key, text in value.items()}
    return [Secret(text) for text in value] if isinstance(value, list) else Secret(value)


def test_option_hidden_by_its_name_needs_no_wrapping(configure, settings):
    configure(ops={"BACKEND": SLACK, "OPTIONS": {"bot_token": SECRET, "channel": "C1"}})
    assert SECRET not in as_shown_on_error_pages(settings)
    assert found() == []


def test_recoveries_need_a_persistent_cache(configure, settings, tmp_path):
    configure(ops={"BACKEND": DUMMY, "STATES": ["recovered"]})
    [(code, text)] = found()
    assert code == "W002"
    assert "Set CACHES" in text
    filebased = "django.core.cache.backends.filebased.FileBasedCache"
    settings.CACHES = {"default": {"BACKEND": filebased, "LOCATION": str(tmp_path)}}
    assert found() == []


def test_default_states_with_recoveries_cause_no_warning(configure):
    configure(ops={"BACKEND": SLACK, "OPTIONS": URL})
    assert found() == []


def test_every_id_is_listed_in_the_documentation_of_the_module():
    source = Path(checks.__file__).read_text()
    used = set(re.findall(r'"django_rclone_notify\.(\w+)"', source))
    assert used == set(re.findall(r"``(\w\d+)``", checks.__doc__ or ""))


@pytest.mark.parametrize(
    "setting", ["'slack'", "{'ops': {'BACKEND': 'nope'}}", "{'ops': {'BACKEND': 'os.abort'}}"]
)
def test_no_mistake_keeps_migrate_from_running(setting, site):
    site.extra_settings = f"DJANGO_RCLONE_NOTIFY = {setting}"
    done = site.manage("migrate", "--check")
    assert "SystemCheckError" not in done.stderr
    assert "django_rclone_notify.W00" in done.stderr
