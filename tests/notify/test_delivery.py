"""What every notifier must do, whatever the service does: one suite for all of them."""

import io
import json
from dataclasses import replace

import pytest

from django_rclone.events import Operation
from django_rclone_notify import conf
from django_rclone_notify.exceptions import NotifierError
from django_rclone_notify.notifications import Notice
from django_rclone_notify.transport.deadline import limited_to
from tests.notify import samples, services
from tests.notify.places import GONE, LASTING, PASSING, SECRET

every_service = pytest.mark.parametrize("service", services.ALL, ids=lambda one: one.name)


def troubles(kind):
    """Every notifier with every trouble of a kind that its place can suffer."""
    pairs = [(one, trouble) for one in services.ALL for trouble in kind if trouble in one.troubles]
    return pytest.mark.parametrize(
        ("service", "trouble"), pairs, ids=[f"{one.name}-{trouble}" for one, trouble in pairs]
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
STEERING = ("\x00", "\x1b", "\x07", "\u202e", "\ud800")


@every_service
@pytest.mark.parametrize("event", samples.ALL, ids=lambda event: event.state)
def test_state_is_told_truthfully(service, event, place, configure, send, log):
    configure(ops=service.channel(place, STATES=services.EVERY_STATE))
    assert send(event) == []
    assert place.told() == [event.state]
    assert log.warnings == []


@every_service
def test_run_is_told_in_order(service, place, configure, send):
    configure(ops=service.channel(place, STATES=services.EVERY_STATE))
    send(samples.STARTED, samples.FAILED)
    assert place.told() == ["started", "failed"]


@every_service
def test_first_success_after_a_failure_is_a_recovery(service, place, configure, send):
    configure(ops=service.channel(place, STATES=["recovered"]))
    send(samples.SUCCEEDED, samples.FAILED, samples.SUCCEEDED, samples.SUCCEEDED)
    assert place.told() == ["succeeded" if service.heartbeat else "recovered"]


@every_service
def test_default_states_suit_the_kind_of_service(service, place, configure, send):
    configure(ops=service.channel(place))
    send(samples.STARTED, samples.FAILED, samples.SUCCEEDED, samples.SUCCEEDED)
    heartbeat = ["started", "failed", "succeeded", "succeeded"]
    assert place.told() == (heartbeat if service.heartbeat else ["failed", "recovered"])


@every_service
@pytest.mark.parametrize("operation", [Operation.DB_PRUNE, Operation.DB_RESTORE])
def test_only_a_backup_is_a_heartbeat(service, operation, place, configure, send):
    configure(ops=service.channel(place, STATES=services.EVERY_STATE))
    send(replace(samples.SUCCEEDED, operation=operation))
    assert place.told() == ([] if service.heartbeat else ["succeeded"])


@every_service
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_delivered_and_stays_small(service, hostile, place, configure, send):
    configure(ops=service.channel(place))
    words = f"{hostile}\nHint: {hostile}"
    changes = {"path": hostile, "host": hostile, "error_type": hostile, "environment": hostile}
    assert send(samples.failed(error_message=words, database=hostile, **changes)) == []
    assert place.told() == ["failed"]
    arrived = place.arrived()
    assert len(arrived) < 40_000
    for mark in STEERING:
        assert mark.encode("utf-8", "surrogatepass") not in arrived
        assert json.dumps(mark)[1:-1].encode() not in arrived


@troubles(PASSING)
def test_passing_trouble_is_overcome(service, trouble, place, site, configure, log):
    place.suffer(trouble)
    configure(ops=service.channel(place, STATES=["succeeded"]))
    assert back_up(site) == ""
    assert place.told()[-1] == "succeeded"
    assert log.warnings == []


@troubles([*LASTING, GONE])
def test_lasting_trouble_is_one_warning_and_hurts_no_backup(
    service, trouble, place, site, configure, log
):
    place.suffer(trouble)
    configure(ops=service.channel(place, STATES=["succeeded"], TIMEOUT=1.0))
    warning = back_up(site)
    assert warning.startswith('Warning: "ops" was not notified that db_backup succeeded: ')
    assert warning.count("\n") == 1
    assert log.warnings == [warning.removeprefix("Warning: ").strip()]
    assert SECRET not in warning + log.everything
    assert "Traceback" not in warning


def back_up(site):
    """Make a real backup that must succeed, and return what was said on stderr."""
    said = io.StringIO()
    site.call("dbbackup", stderr=said)
    [backup] = site.backups()
    assert backup["verified"]
    return said.getvalue()


@troubles([*LASTING, GONE])
def test_error_carries_no_secret_and_no_context(service, trouble, place, configure):
    place.suffer(trouble)
    configure(ops=service.channel(place))
    channel = conf.read_channel("ops")
    notifier = channel.build()
    with pytest.raises(NotifierError) as caught, limited_to(0.5):
        notifier.notify(samples.FAILURE)
    assert caught.value.permanent is (trouble in ("404", "403 that echoes"))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    for shown in (caught.value, repr(caught.value), repr(notifier), repr(channel), str(notifier)):
        assert SECRET not in str(shown)


@every_service
def test_delivery_leaves_no_trace_of_the_secret_in_the_log(
    service, place, configure, send, log, capfd
):
    configure(ops=service.channel(place, STATES=services.EVERY_STATE))
    send(*samples.ALL)
    assert len(place.told()) == 3
    assert SECRET not in log.everything
    assert SECRET not in "".join(capfd.readouterr())


@every_service
def test_answer_for_the_operator_holds_no_secret(service, place, configure):
    configure(ops=service.channel(place))
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
        ({"STATES": services.EVERY_STATE}, samples.failed(state="abandoned")),
    ],
    ids=["state", "recovery", "operation", "database", "media", "environment", "unknown state"],
)
def test_unwanted_event_is_not_sent(service, keys, event, place, configure, send):
    configure(ops=service.channel(place, **keys))
    assert send(event) == []
    assert place.arrived() == b""


@every_service
def test_state_of_a_later_version_is_no_error(service, place, configure):
    configure(ops=service.channel(place))
    notice = Notice(event=samples.failed(state="abandoned"))
    assert conf.read_channel("ops").build().notify(notice)
