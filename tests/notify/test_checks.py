import re
from pathlib import Path

import pytest
from django.core.checks import run_checks

from django_rclone_notify import checks
from tests.notify.services import NOTIFIERS, SECRET

SLACK = f"{NOTIFIERS}.slack.SlackNotifier"
DUMMY = f"{NOTIFIERS}.dummy.DummyNotifier"
SENTRY = f"{NOTIFIERS}.sentry.SentryNotifier"
HEALTHCHECKS = f"{NOTIFIERS}.healthchecks.HealthchecksNotifier"
URL = {"webhook_url": f"https://hooks.example/{SECRET}"}
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
            "beat": {"BACKEND": HEALTHCHECKS, "OPTIONS": {"ping_key": "k", "slug": "s"}},
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
        ("slack", "E001", f'{OPS} must be a dictionary. Write {{"BACKEND": "...", '),
        ({"STATE": []}, "E001", f'{OPS}["STATE"] is unknown. Did you mean "STATES"? Known: '),
        ({"options": {}}, "E001", f'{OPS}["options"] is unknown. Did you mean "OPTIONS"? '),
        ({"STATES": "failed"}, "E001", f'{OPS}["STATES"] must be a list. Write ["failed"].'),
        ({"STATES": 5}, "E001", f'{OPS}["STATES"] must be a list. '),
        ({"STATES": []}, "E001", f'{OPS}["STATES"] is empty. Nothing would ever be sent; '),
        ({"STATES": [5]}, "E001", f'{OPS}["STATES"] must hold strings only. '),
        (
            {"STATES": ["faild"]},
            "E001",
            f'{OPS}["STATES"] holds the unknown \'faild\'. Did you mean "failed"? Known: failed, st',
        ),
        (
            {"OPERATIONS": ["dbbackup"]},
            "E001",
            f'{OPS}["OPERATIONS"] holds the unknown \'dbbackup\'. Did you mean "db_backup"? ',
        ),
        (
            {"DATABASES": ["defualt"]},
            "E001",
            f'{OPS}["DATABASES"] holds the unknown \'defualt\'. Did you mean "default"? ',
        ),
        ({"ENVIRONMENTS": "x"}, "E001", f'{OPS}["ENVIRONMENTS"] must be a list. Write ["x"].'),
        ({"OPTIONS": ["x"]}, "E001", f'{OPS}["OPTIONS"] must be a dictionary of named options. '),
        ({"BACKEND": None}, "E002", f'{OPS}["BACKEND"] must be the dotted path of a notifier. '),
        ({"BACKEND": "slack"}, "E002", f'{OPS}["BACKEND"] cannot be imported (ImportError: '),
        (
            {"BACKEND": SLACK + "r"},
            "E002",
            f'Did you mean "{SLACK}"? ',
        ),
        ({"BACKEND": "pathlib.Path"}, "E002", "names pathlib.Path, which is no notifier. Derive"),
        (
            {"BACKEND": f"{NOTIFIERS}.base.Notifier"},
            "E002",
            "Notifier, which is no notifier. Derive",
        ),
    ],
    ids=range(17),
)
def test_mistake_is_told_with_its_path_and_the_fix(entry, code, text, configure):
    if isinstance(entry, dict):
        entry = {"BACKEND": DUMMY, **entry}
    configure(ops=entry)
    [(actual_code, actual_text)] = found()
    assert actual_code == code
    assert text in actual_text


@pytest.mark.parametrize(
    ("backend", "options", "text"),
    [
        (SLACK, {}, '["webhook_url"] is missing. '),
        (SLACK, {**URL, "chanel": "#ops"}, '["chanel"] is unknown. Known: '),
        (SLACK, {"webhook_ur": URL["webhook_url"]}, '["webhook_ur"] is unknown. Did you mean "w'),
        (SLACK, {"webhook_url": SECRET}, '["webhook_url"] must be an address that starts with'),
        (SLACK, {"webhook_url": f"ftp://{SECRET}"}, '["webhook_url"] must be an address that'),
        (SLACK, {"webhook_url": f"https://x:{SECRET}/"}, '["webhook_url"] must be an address'),
        (SLACK, {"webhook_url": f"https://x/{SECRET} y"}, '["webhook_url"] must be an address'),
        (SLACK, {"webhook_url": None}, '["webhook_url"] must be a string that is not empty. '),
        (SLACK, {**URL, "timeout": "10"}, '["timeout"] must be a number of seconds. '),
        (SLACK, {**URL, "timeout": True}, '["timeout"] must be a number of seconds. '),
        (SLACK, {**URL, "timeout": 0}, '["timeout"] must be above 0 and at most 60 seconds. '),
        (SLACK, {**URL, "timeout": 1e9}, '["timeout"] must be above 0 and at most 60 seconds. '),
        (SLACK, {**URL, "timeout": float("nan")}, '["timeout"] must be above 0 and at most '),
        (SLACK, {**URL, "include_error": "no"}, '["include_error"] must be True or False. '),
        (HEALTHCHECKS, {}, '["ping_url"] is missing. Set it to the address '),
        (HEALTHCHECKS, {"slug": "nightly"}, '["ping_key"] must be a string that is not empty. '),
        (
            HEALTHCHECKS,
            {"ping_url": f"https://x/{SECRET}", "slug": "nightly"},
            '["ping_url"] names the check a second time. Keep ping_url, or ping_key and slug.',
        ),
        (SENTRY, {"monitor_slug": " "}, '["monitor_slug"] must be a string that is not empty. '),
        (SENTRY, {"monitor_slug": "x", "dsn": SECRET}, '["dsn"] is no DSN. Copy it from '),
        (SENTRY, {"monitor_slug": "x", "dsn": f"https://x/{SECRET}"}, '["dsn"] is no DSN. '),
        (f"{NOTIFIERS}.logging.LoggingNotifier", {"logger": 5}, '["logger"] must be a string '),
        (DUMMY, {"x": 1}, '["x"] is unknown. Known: none.'),
    ],
    ids=range(22),
)
def test_wrong_option_is_told_without_its_value(backend, options, text, configure):
    configure(ops={"BACKEND": backend, "OPTIONS": options})
    [(code, actual)] = found()
    assert code == "E003"
    assert f'{OPS}["OPTIONS"]{text}' in actual
    assert SECRET not in actual


def test_all_mistakes_are_told_at_once(configure):
    configure(
        ops={"BACKEND": "nope", "STATES": ["x"], "DATABASES": "default", "EXTRA": 1},
        other={"BACKEND": SLACK},
    )
    assert sorted(code for code, _ in found()) == ["E001", "E001", "E001", "E002", "E003"]


def test_setting_that_is_no_dictionary_is_told(settings):
    settings.DJANGO_RCLONE_NOTIFY = ["slack"]
    assert [code for code, _ in found()] == ["E001"]


def test_constructor_that_raises_anything_is_told_without_its_words(configure):
    configure(ops={"BACKEND": "tests.notify.custom.FakeUnbuildable"})
    [(code, text)] = found()
    assert code == "E003"
    assert "RuntimeError at custom.py" in text
    assert "secret" not in text


def test_every_id_is_listed_in_the_documentation_of_the_module():
    source = Path(checks.__file__).read_text()
    used = set(re.findall(r'id="django_rclone_notify\.(\w+)"', source))
    used |= set(re.findall(r'return "django_rclone_notify\.(\w+)"', source))
    assert used == set(re.findall(r"``(\w\d+)``", checks.__doc__ or ""))
