import pytest

from django_rclone_notify.exceptions import InvalidOption, NotifierError
from django_rclone_notify.notifications import Notification
from django_rclone_notify.notifiers.apprise import AppriseNotifier, body
from django_rclone_notify.secrets import Secret
from django_rclone_notify.transport.deadline import time_limit
from tests.notify import samples
from tests.support.http_server import Answer, refusing_url

SECRET = "T0PsECReT-9f8e7d"


def address(url: str) -> str:
    return f"{url.replace('http://', 'json://')}/{SECRET}"


def send(*urls, event=samples.FAILED, recovered=False, **options):
    notifier = AppriseNotifier(urls=[address(url) for url in urls], **options)
    return notifier.notify(Notification(event=event, recovered=recovered))


def sent(server):
    [request] = server.requests
    return request.json()


def test_message_of_a_failure(server):
    assert send(server.url) == "accepted by JSON"
    content = sent(server)
    assert content["title"] == '[production] Backup of database "default" failed on web-1'
    assert content["message"] == (
        "Path: db/default-2024-01-15-120000.dump.zst\n"
        "Duration: 12 s\n"
        "Error: RcloneError\n"
        "rclone rcat exited with 1\nquota exceeded\nHint: Free some space."
    )


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (samples.STARTED, "info"),
        (samples.SUCCEEDED, "success"),
        (samples.FAILED, "failure"),
        (samples.failed(state="abandoned"), "info"),
    ],
    ids=["started", "succeeded", "failed", "later"],
)
def test_state_becomes_a_type_of_apprise(event, kind, server):
    send(server.url, event=event)
    assert sent(server)["type"] == kind


def test_recovery_is_a_success(server):
    send(server.url, event=samples.SUCCEEDED, recovered=True)
    assert sent(server)["type"] == "success"
    assert "succeeded again" in sent(server)["title"]


def test_hostile_text_mentions_nobody_and_stays_small(server):
    hostile = "@everyone <!channel> <@U123> <b>" + "x" * 100_000
    event = samples.failed(error_message=hostile, host=hostile, path=hostile)
    send(server.url, event=event)
    content = sent(server)
    assert len(content["message"]) <= 2_000
    assert len(content["title"]) <= 250
    for text in (content["message"], content["title"]):
        assert "@everyone" not in text
        assert "<!" not in text
        assert "<b" not in text


def test_message_without_facts_has_a_body():
    event = samples.failed(path=None, duration=None, error_type=None, error_message=None)
    assert body(Notification(event=event), include_error=True) != ""


def test_every_address_is_used_even_after_a_failure(server):
    with refusing_url() as dead, pytest.raises(NotifierError) as caught:
        send(dead, server.url)
    assert str(caught.value) == "JSON did not accept the message"
    assert len(server.requests) == 1


def test_successful_address_does_not_get_the_message_twice(server):
    server.answer_with(200, 500, 200)
    assert send(server.url, server.url) == "accepted by JSON, JSON"
    assert len(server.requests) == 3


def test_addresses_share_the_time(server):
    server.answer_with(Answer(hang=True))
    with time_limit(1.0), pytest.raises(NotifierError, match="JSON did not answer in time"):
        send(server.url, server.url)
    assert len(server.requests) == 2


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (302, 1), (429, 3), (503, 3)])
def test_status_decides_about_retries(status, attempts, server):
    server.always_answer(Answer(status=status, headers={"Location": "/elsewhere"}))
    with pytest.raises(NotifierError, match=f"JSON answered with HTTP {status}") as caught:
        send(server.url)
    assert len(server.requests) == attempts
    assert caught.value.permanent is (attempts == 1)


def test_messages_of_apprise_stay_out_of_the_log(server, log, capfd):
    server.always_answer(Answer(status=500, body=SECRET.encode()))
    with pytest.raises(NotifierError) as caught:
        send(server.url)
    shown = log.everything + str(caught.value) + "".join(capfd.readouterr())
    assert SECRET not in shown
    assert "JSON POST" not in shown
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("urls", "problem"),
    [
        ("json://localhost", "urls must be a list of addresses"),
        ([], "urls must be a list of addresses"),
        ([5], "urls must be a non-empty string"),
        ([f"nosuch://{SECRET}"], "urls has an invalid address: number 1"),
        (["json://localhost", f"slack://{SECRET}"], "urls has an invalid address: number 2"),
        ([f"https://example.com/{SECRET}"], "urls has an invalid address"),
    ],
)
def test_invalid_address_is_reported_by_its_number(urls, problem, log, capfd):
    with pytest.raises(InvalidOption, match=problem) as caught:
        AppriseNotifier(urls=urls)
    assert SECRET not in str(caught.value) + log.everything + "".join(capfd.readouterr())


def test_address_may_be_a_secret_and_does_not_show_itself():
    notifier = AppriseNotifier(urls=[Secret(f"json://localhost/{SECRET}")])
    assert SECRET not in f"{notifier!r} {vars(notifier)!r}"
