import json
import logging
from dataclasses import replace

import pytest

from django_rclone.events import Operation
from tests.notify import samples
from tests.notify.services import NOTIFIERS

PATH = "Path: db/default-2024-01-15-120000.dump.zst"
DONE = "Size: 1.4 GB; Duration: 3 min 05 s"
CAUSE = (
    "Duration: 12 s; Error: RcloneError; rclone rcat exited with 1 quota exceeded "
    "Hint: Free some space."
)
CHANNEL = {"BACKEND": f"{NOTIFIERS}.logging.LoggingNotifier"}
LOGGER = "django_rclone_notify.operations.db_backup"


@pytest.fixture
def lines(log):
    def read():
        return [record for record in log.records if record.name.endswith(".db_backup")]

    return read


def test_every_state_is_one_line_with_its_level(configure, send, lines):
    configure(ops=CHANNEL)
    send(*samples.ALL, samples.SUCCEEDED)
    backup = '[production] Backup of database "default"'
    assert [(record.levelname, record.getMessage()) for record in lines()] == [
        ("INFO", f"{backup} started on web-1; {PATH}"),
        ("INFO", f"{backup} succeeded on web-1; {PATH}; {DONE}"),
        ("ERROR", f"{backup} failed on web-1; {PATH}; {CAUSE}"),
        ("WARNING", f"{backup} succeeded again on web-1; {PATH}; {DONE}"),
    ]


def test_record_has_the_fields_of_the_event(configure, send, lines):
    configure(ops=CHANNEL)
    send(samples.SUCCEEDED)
    [record] = lines()
    plain = vars(logging.LogRecord("", 0, "", 0, "", None, None))
    added = {name: value for name, value in vars(record).items() if name not in plain}
    added.pop("message", None)
    assert json.loads(json.dumps(added)) == {
        "operation_id": samples.RUN,
        "operation": "db_backup",
        "state": "succeeded",
        "environment": "production",
        "host": "web-1",
        "started_at": "2024-01-15T12:00:00+00:00",
        "database": "default",
        "path": "db/default-2024-01-15-120000.dump.zst",
        "duration": 185.2,
        "size": 1_500_000_000,
        "files": None,
        "added": None,
        "changed": None,
        "deleted": None,
        "left_out": None,
        "sent": None,
        "error_type": None,
        "error_message": None,
        "error_hint": None,
        "target_state": None,
    }


def test_recovery_is_a_state_of_the_record(configure, send, lines):
    configure(ops=CHANNEL)
    send(samples.FAILED, samples.SUCCEEDED)
    assert [record.state for record in lines()] == ["failed", "recovered"]


@pytest.mark.parametrize("operation", Operation)
def test_each_operation_has_a_logger(operation, configure, send, log):
    configure(ops=CHANNEL)
    send(replace(samples.SUCCEEDED, operation=operation))
    assert f"django_rclone_notify.operations.{operation}" in [one.name for one in log.records]


def test_logger_option(configure, send, lines):
    configure(ops={**CHANNEL, "OPTIONS": {"logger": "ops.backups"}})
    send(samples.FAILED)
    assert [record.name for record in lines()] == ["ops.backups.db_backup"]


def test_hostile_text_fakes_no_line_and_controls_no_terminal(configure, send, lines):
    configure(ops=CHANNEL)
    hostile = "x\r\nERROR forged\rline\x1b[31m\u2028\x85\u202e{}%s" + "y" * 100_000
    send(samples.failed(error_message=hostile, path=hostile[:50], host=hostile[:50]))
    [record] = lines()
    message = record.getMessage()
    assert len(message.splitlines()) == 1
    assert len(message) < 3_000
    for text in (message, record.error_message, record.path, record.host):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_raising_handler_becomes_a_warning(configure, send, log):
    class FakeHandler(logging.Handler):
        def emit(self, record):
            raise RuntimeError("disk full")

    configure(ops=CHANNEL)
    handler = FakeHandler()
    logging.getLogger(LOGGER).addHandler(handler)
    try:
        [warning] = send(samples.FAILED)
    finally:
        logging.getLogger(LOGGER).removeHandler(handler)
    assert "RuntimeError at test_logging.py" in warning
