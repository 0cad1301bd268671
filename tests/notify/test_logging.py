from dataclasses import replace

from django_rclone.events import Operation
from tests.notify import samples
from tests.notify.services import NOTIFIERS

PATH = "Path: db/default-2024-01-15-120000.dump.zst"
DONE = "Size: 1.4 GB; Duration: 3 min 5 s"
CAUSE = "Duration: 12 s; Error: RcloneError; rclone rcat exited with 1 quota exceeded"
CHANNEL = {"BACKEND": f"{NOTIFIERS}.logging.LoggingNotifier"}


def test_every_state_is_one_line_and_only_a_failure_is_an_error(configure, send, log):
    configure(ops=CHANNEL)
    send(*samples.ALL)
    assert [(record.levelname, record.getMessage()) for record in log.records] == [
        (
            "INFO",
            f'[production] Backup of database "default" started on web-1; {PATH}',
        ),
        (
            "INFO",
            f'[production] Backup of database "default" succeeded on web-1; {PATH}; {DONE}',
        ),
        (
            "ERROR",
            f'[production] Backup of database "default" failed on web-1; {PATH}; {CAUSE}',
        ),
    ]


def test_event_is_on_the_record(configure, send, log):
    configure(ops=CHANNEL)
    send(samples.FAILED)
    assert log.records[0].event is samples.FAILED


def test_logger_can_be_chosen(configure, send, log):
    configure(ops={**CHANNEL, "OPTIONS": {"logger": "ops.backups"}})
    send(samples.FAILED)
    assert log.records[0].name == "ops.backups"


def test_prunes_are_logged_too(configure, send, log):
    configure(ops=CHANNEL)
    send(replace(samples.SUCCEEDED, operation=Operation.DB_PRUNE))
    assert 'Pruning the backups of database "default" succeeded' in log.records[0].getMessage()


def test_hostile_text_forges_no_line(configure, send, log):
    configure(ops=CHANNEL)
    hostile = "x\r\nERROR forged\rline\x1b[31m\u2028\x85\u202e{}%s" + "y" * 100_000
    send(samples.failed(error_message=hostile, path=hostile[:50], host=hostile[:50]))
    [record] = log.records
    message = record.getMessage()
    assert len(message.splitlines()) == 1
    assert "\x1b" not in message
    assert len(message) < 3_000
