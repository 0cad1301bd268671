"""What every notifier that talks to a service must do: one suite for all of them."""

from dataclasses import replace

import pytest

from django_rclone.events import Operation
from django_rclone_notify import conf
from django_rclone_notify.exceptions import NotifierError
from tests.loopback import Answer, refusing_url
from tests.notify import samples, services

pytestmark = pytest.mark.parametrize("service", services.ALL, ids=lambda service: service.name)

HOSTILE = [
    "```\n<!channel> *bold* `rm -rf`",
    "</pre><script>alert(1)</script>&amp;",
    "🔥👩‍👩‍👧‍👦\U0001f1e6",
    "\x00\x1b[31mred\x07\r\nWARNING forged line\u2028\u202e",
    "lone \ud800 surrogate",
    "x" * 100_000,
    "&" * 100_000,
    "{0} {event} %s %(secret)s",
]


@pytest.mark.parametrize("event", samples.ALL, ids=lambda event: event.state)
def test_state_is_told_truthfully(service, event, server, configure, send, log):
    configure(ops=service.channel(server.url, STATES=services.EVERY_STATE))
    send(event)
    assert [service.told(request) for request in server.requests] == [event.state]
    assert log.warnings == []


def test_run_is_told_in_order(service, server, configure, send):
    configure(ops=service.channel(server.url, STATES=services.EVERY_STATE))
    send(samples.STARTED, samples.FAILED)
    assert [service.told(request) for request in server.requests] == ["started", "failed"]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_delivered_and_stays_small(service, hostile, server, configure, send, log):
    configure(ops=service.channel(server.url))
    send(samples.failed(error_message=hostile, path=hostile, host=hostile, error_type=hostile))
    [request] = server.requests
    assert service.told(request) == "failed"
    assert len(request.body) < 20_000
    assert log.warnings == []


@pytest.mark.parametrize("broken", [500, 503])
def test_passing_trouble_is_tried_again(service, broken, server, configure, send, log):
    configure(ops=service.channel(server.url))
    server.answer_with(broken, 200)
    send(samples.FAILED)
    assert [service.told(request) for request in server.requests] == ["failed", "failed"]
    assert log.warnings == []


@pytest.mark.parametrize(
    ("answer", "attempts"),
    [
        (Answer(status=404), 1),
        (Answer(status=400), 1),
        (Answer(status=500), 3),
        (Answer(hang=True), 1),
        (Answer(status=403, body=services.SECRET.encode()), 1),
    ],
    ids=["404", "400", "500", "hangs", "echoes"],
)
def test_trouble_ends_as_one_warning_without_the_secret(
    service, answer, attempts, server, configure, send, log, capfd
):
    configure(ops=service.channel(server.url, OPTIONS={"timeout": 1.0}))
    server.always_answer(answer)
    send(samples.FAILED)
    assert len(server.requests) == attempts
    [warning] = log.warnings
    assert '"ops" was not notified that db_backup failed: ' in warning
    assert "\n" not in warning
    assert services.SECRET not in log.everything
    assert services.SECRET not in "".join(capfd.readouterr())


def test_refused_connection_ends_as_one_warning_without_the_secret(
    service, configure, send, log, capfd
):
    with refusing_url() as url:
        configure(ops=service.channel(url))
        send(samples.FAILED)
    assert len(log.warnings) == 1
    assert services.SECRET not in log.everything
    assert services.SECRET not in "".join(capfd.readouterr())


def test_delivery_leaves_no_trace_of_the_secret_in_the_log(
    service, server, configure, send, log, capfd
):
    configure(ops=service.channel(server.url, STATES=services.EVERY_STATE))
    send(*samples.ALL)
    assert len(server.requests) == 3
    assert services.SECRET not in log.everything
    assert services.SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("answer", [Answer(status=404), Answer(hang=True)], ids=["404", "hangs"])
def test_error_carries_no_secret_and_no_context(service, answer, server, configure):
    configure(ops=service.channel(server.url, OPTIONS={"timeout": 0.5}))
    server.always_answer(answer)
    channel = conf.read_channel("ops")
    notifier = channel.build()
    with pytest.raises(NotifierError) as caught:
        notifier.notify(samples.FAILED)
    assert caught.value.permanent is (answer.status == 404)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    for shown in (caught.value, repr(caught.value), repr(notifier), repr(channel), str(notifier)):
        assert services.SECRET not in str(shown)


def test_refused_connection_error_carries_no_context(service, configure):
    with refusing_url() as url:
        configure(ops=service.channel(url))
        notifier = conf.read_channel("ops").build()
        with pytest.raises(NotifierError) as caught:
            notifier.notify(samples.FAILED)
    assert not caught.value.permanent
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("keys", "event"),
    [
        ({"STATES": ["succeeded"]}, samples.FAILED),
        ({"OPERATIONS": ["media_backup"]}, samples.FAILED),
        ({"DATABASES": ["default"]}, samples.failed(database="another")),
        ({"ENVIRONMENTS": ["production"]}, samples.failed(environment="staging")),
        ({"STATES": services.EVERY_STATE}, samples.failed(state="abandoned")),
    ],
    ids=["state", "operation", "database", "environment", "unknown state"],
)
def test_unwanted_event_is_not_sent(service, keys, event, server, configure, send, log):
    configure(ops=service.channel(server.url, **keys))
    send(event)
    assert server.requests == []
    assert log.warnings == []


def test_state_of_a_later_version_is_no_error(service, server, configure, log):
    configure(ops=service.channel(server.url))
    conf.read_channel("ops").build().notify(samples.failed(state="abandoned"))
    # Slack can show any word; a heartbeat has no signal for it.
    assert len(server.requests) == (1 if service is services.SLACK else 0)


def test_prune_is_no_heartbeat(service, server, configure, send):
    configure(ops=service.channel(server.url, STATES=services.EVERY_STATE))
    send(replace(samples.SUCCEEDED, operation=Operation.DB_PRUNE))
    assert len(server.requests) == (1 if service is services.SLACK else 0)


def test_restore_is_no_heartbeat(service, server, configure, send):
    configure(ops=service.channel(server.url, STATES=services.EVERY_STATE))
    send(replace(samples.SUCCEEDED, operation=Operation.DB_RESTORE))
    assert len(server.requests) == (1 if service is services.SLACK else 0)
