"""The requirements for every notifier, whatever the service does: one suite for all."""

import io
import json
from dataclasses import replace

import pytest

from django_rclone.events import Operation
from django_rclone_notify import conf
from django_rclone_notify.exceptions import NotifierError
from django_rclone_notify.notifications import Notification
from django_rclone_notify.transport.deadline import time_limit
from tests.notify import samples, services
from tests.notify.endpoints import GONE, LASTING_FAULTS, PASSING_FAULTS, SECRET

every_service = pytest.mark.parametrize("service", services.ALL, ids=lambda one: one.name)


def every_fault(kind):
    """Every service with every fault of a kind that its endpoint supports."""
    pairs = [(one, fault) for one in services.ALL for fault in kind if fault in one.faults]
    return pytest.mark.parametrize(
        ("service", "fault"), pairs, ids=[f"{one.name}-{fault}" for one, fault in pairs]
    )


HOSTILE = {
    "formatting": "```\n<!channel> *bold* `rm -rf` <@U024BE7LH> _x_ ~y~",
    "html": "</pre><script>alert(1)</script>&amp;<img src=x onerror=alert(1)>",
    "emoji": "🔥👩‍👩‍👧‍👦\U0001f1e6 :fire:",
    "control": "\x00\x1b[31mred\x07\r\nWARNING forged line\u2028\u202e",
    "surrogate": "lone \ud800 surrogate",
    "huge": "x" * 100_000,
    "huge of escapes": "&<`" * 40_000,
    "huge of lines": "line\n" * 30_000,
    "patterns": "{0} {event} %s %(secret)s {database}",
}
CONTROL_CHARACTERS = ("\x00", "\x1b", "\x07", "\u202e", "\ud800")


@every_service
@pytest.mark.parametrize("event", samples.ALL, ids=lambda event: event.state)
def test_state_is_delivered(service, event, endpoint, configure, send, log):
    configure(ops=service.channel(endpoint, STATES=services.ALL_STATES))
    assert send(event) == []
    assert endpoint.states() == [event.state]
    assert log.warnings == []


@every_service
def test_states_are_delivered_in_order(service, endpoint, configure, send):
    configure(ops=service.channel(endpoint, STATES=services.ALL_STATES))
    send(samples.STARTED, samples.FAILED)
    assert endpoint.states() == ["started", "failed"]


@every_service
def test_first_success_after_a_failure_is_a_recovery(service, endpoint, configure, send):
    configure(ops=service.channel(endpoint, STATES=["recovered"]))
    send(samples.SUCCEEDED, samples.FAILED, samples.SUCCEEDED, samples.SUCCEEDED)
    assert endpoint.states() == ["succeeded" if service.heartbeat else "recovered"]


@every_service
def test_default_states_suit_the_kind_of_service(service, endpoint, configure, send):
    configure(ops=service.channel(endpoint))
    send(samples.STARTED, samples.FAILED, samples.SUCCEEDED, samples.SUCCEEDED)
    heartbeat = ["started", "failed", "succeeded", "succeeded"]
    assert endpoint.states() == (heartbeat if service.heartbeat else ["failed", "recovered"])


@every_service
@pytest.mark.parametrize("operation", [Operation.DB_PRUNE, Operation.DB_RESTORE])
def test_heartbeats_get_backups_only(service, operation, endpoint, configure, send):
    configure(ops=service.channel(endpoint, STATES=services.ALL_STATES))
    send(replace(samples.SUCCEEDED, operation=operation))
    assert endpoint.states() == ([] if service.heartbeat else ["succeeded"])


@every_service
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_delivered_and_stays_small(service, hostile, endpoint, configure, send):
    configure(ops=service.channel(endpoint))
    error = {"error_message": hostile, "error_hint": hostile}
    changes = {"path": hostile, "host": hostile, "error_type": hostile, "environment": hostile}
    assert send(samples.failed(database=hostile, **error, **changes)) == []
    assert endpoint.states() == ["failed"]
    arrived = endpoint.received()
    assert len(arrived) < 40_000
    for mark in CONTROL_CHARACTERS:
        assert mark.encode("utf-8", "surrogatepass") not in arrived
        assert json.dumps(mark)[1:-1].encode() not in arrived


@pytest.mark.parametrize("include_error", [True, False])
@pytest.mark.parametrize(
    "service", [one for one in services.ALL if one.sends_cause], ids=lambda one: one.name
)
def test_error_text_is_optional(service, include_error, endpoint, configure, send):
    configure(ops=service.channel(endpoint, OPTIONS={"include_error": include_error}))
    assert send(samples.FAILED) == []
    received = endpoint.received()
    assert b"RcloneError" in received
    assert (b"quota exceeded" in received) is include_error
    assert (b"Free some space" in received) is include_error


@every_fault(PASSING_FAULTS)
def test_passing_fault_is_retried(service, fault, endpoint, site, configure, log):
    endpoint.fail_with(fault)
    configure(ops=service.channel(endpoint, STATES=["succeeded"]))
    assert back_up(site) == ""
    assert endpoint.states()[-1] == "succeeded"
    assert log.warnings == []


@every_fault([*LASTING_FAULTS, GONE])
def test_lasting_fault_is_one_warning_and_does_not_affect_the_backup(
    service, fault, endpoint, site, configure, log
):
    endpoint.fail_with(fault)
    configure(ops=service.channel(endpoint, STATES=["succeeded"], TIMEOUT=1.0))
    warning = back_up(site)
    assert warning.startswith('Warning: "ops" was not notified that db_backup succeeded: ')
    assert warning.count("\n") == 1
    assert log.warnings == [warning.removeprefix("Warning: ").strip()]
    assert SECRET not in warning + log.everything
    assert "Traceback" not in warning


def back_up(site):
    """Create a real backup, and return what the command wrote to stderr."""
    stderr = io.StringIO()
    site.call("dbbackup", stderr=stderr)
    [backup] = site.backups()
    assert backup["verified"]
    return stderr.getvalue()


@every_fault([*LASTING_FAULTS, GONE])
def test_error_carries_no_secret_and_no_context(service, fault, endpoint, configure):
    endpoint.fail_with(fault)
    configure(ops=service.channel(endpoint))
    channel = conf.read_channel("ops")
    notifier = channel.build()
    with pytest.raises(NotifierError) as caught, time_limit(0.5):
        notifier.notify(samples.FAILURE)
    assert caught.value.permanent is (fault in ("404", "403 that echoes"))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    for shown in (caught.value, repr(caught.value), repr(notifier), repr(channel), str(notifier)):
        assert SECRET not in str(shown)


@every_service
def test_delivery_logs_no_secret(service, endpoint, configure, send, log, capfd):
    configure(ops=service.channel(endpoint, STATES=services.ALL_STATES))
    send(*samples.ALL)
    assert len(endpoint.states()) == 3
    assert SECRET not in log.everything
    assert SECRET not in "".join(capfd.readouterr())


@every_service
def test_answer_for_the_operator_contains_no_secret(service, endpoint, configure):
    configure(ops=service.channel(endpoint))
    answer = conf.read_channel("ops").build().notify(samples.FAILURE)
    assert answer
    assert SECRET not in answer


@every_service
@pytest.mark.parametrize(
    ("keys", "event"),
    [
        ({"STATES": ["succeeded"]}, samples.FAILED),
        ({"STATES": ["recovered"]}, samples.SUCCEEDED),
        ({"OPERATIONS": ["media_backup"]}, samples.FAILED),
        ({"DATABASES": ["default"]}, samples.failed(database="another")),
        ({"DATABASES": ["default"]}, samples.failed(database=None)),
        ({"ENVIRONMENTS": ["production"]}, samples.failed(environment="staging")),
        ({"STATES": services.ALL_STATES}, samples.failed(state="abandoned")),
    ],
    ids=["state", "recovery", "operation", "database", "media", "environment", "unknown state"],
)
def test_filtered_event_is_not_sent(service, keys, event, endpoint, configure, send):
    configure(ops=service.channel(endpoint, **keys))
    assert send(event) == []
    assert endpoint.received() == b""


@every_service
def test_state_of_a_later_version_is_not_an_error(service, endpoint, configure):
    configure(ops=service.channel(endpoint))
    notification = Notification(event=samples.failed(state="abandoned"))
    assert conf.read_channel("ops").build().notify(notification)
