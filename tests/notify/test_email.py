import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.core import mail

from django_rclone.events import Operation, TargetState
from django_rclone_notify.exceptions import InvalidOption, NotifierError
from django_rclone_notify.notifications import Notification
from django_rclone_notify.notifiers.email.notifier import EmailNotifier
from django_rclone_notify.transport.deadline import time_limit
from tests.notify import samples
from tests.notify.fake_mail_server import smtp
from tests.support.http_server import refusing_url
from tests.support.smtp_server import MailServer, silent_port

TO = ["ops@example.com"]
HOSTILE = "</pre><script>alert(1)</script><img src=http://x.example/p.gif>&amp; {0} {title} %s"


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def use_smtp(settings, port: int) -> None:
    for name, value in smtp(port).items():
        setattr(settings, name, value)


@pytest.fixture
def mail_server(settings) -> Iterator[MailServer]:
    with MailServer() as server:
        use_smtp(settings, server.port)
        yield server


def send(event, *, recovered=False, **options):
    notification = Notification(event=event, recovered=recovered)
    return EmailNotifier(**{"to": TO, **options}).notify(notification)


def sent():
    [message] = mail.outbox
    return message


def html_of(message):
    [(content, kind)] = message.alternatives
    assert kind == "text/html"
    return content


class Page(HTMLParser):
    """The tags and the text of an HTML page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_email_is_received_as_text_and_html(mail_server):
    assert send(samples.FAILED) == "accepted by the mail backend"
    [message] = mail_server.mails
    assert message["To"] == "ops@example.com"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    plain, rich = message.iter_parts()
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    assert "quota exceeded" in plain.get_content()
    assert "quota exceeded" in rich.get_content()


def test_text_of_a_failure():
    send(samples.FAILED)
    assert sent().subject == ('[Django] [production] Backup of database "default" failed on web-1')
    assert sent().body == (
        '[production] Backup of database "default" failed on web-1\n'
        "\n"
        "Database: default\n"
        "Environment: production\n"
        "Host: web-1\n"
        "Started: 2024-01-15 12:00:00 UTC\n"
        "Duration: 12 s\n"
        "Path: db/default-2024-01-15-120000.dump.zst\n"
        "Error: RcloneError\n"
        f"Operation ID: {samples.RUN}\n"
        "\n"
        "rclone rcat exited with 1\nquota exceeded\nHint: Free some space.\n"
    )


@pytest.mark.parametrize(
    ("event", "recovered", "word"),
    [
        (samples.STARTED, False, "Started"),
        (samples.SUCCEEDED, False, "Succeeded"),
        (samples.SUCCEEDED, True, "Recovered"),
        (samples.FAILED, False, "Failed"),
        (samples.failed(state="abandoned"), False, "abandoned"),
    ],
    ids=["started", "succeeded", "recovered", "failed", "later"],
)
def test_html_shows_the_state_as_a_word(event, recovered, word):
    send(event, recovered=recovered)
    assert re.search(rf"\n\S* ?{word}\n", Page(html_of(sent())).text)


def test_hint_follows_the_cause():
    send(samples.failed(error_message="quota exceeded", error_hint="Make room."))
    page = Page(html_of(sent()))
    assert "quota exceeded\nHint: Make room." in page.text
    assert "quota exceeded\nHint: Make room." in sent().body


@pytest.mark.parametrize("state", TargetState)
def test_failed_restore_shows_the_state_of_the_live_data(state):
    send(samples.failed(operation=Operation.DB_RESTORE, target_state=state))
    assert f"Live data: {state}" in sent().body
    assert f"Live data{state}" in Page(html_of(sent())).text


def test_recovery_is_in_the_subject():
    send(samples.SUCCEEDED, recovered=True)
    assert "succeeded again on web-1" in sent().subject


@pytest.mark.parametrize(
    "field", ["host", "path", "error_type", "error_message", "error_hint", "environment"]
)
def test_hostile_text_is_shown_and_is_not_html(field):
    send(samples.FAILED)
    usual = Page(html_of(mail.outbox.pop())).tags
    send(samples.failed(**{field: HOSTILE}))
    page = Page(html_of(sent()))
    assert page.tags == usual
    assert HOSTILE in page.text


def luminance(color: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.04 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("event", samples.ALL, ids=lambda event: event.state)
def test_state_is_readable_on_white_and_on_dark(event):
    send(event)
    colors = set(re.findall(r"#[0-9a-f]{6}", html_of(sent())))
    assert colors
    for shade in map(luminance, colors):
        assert 1.05 / (shade + 0.05) > 4
        assert (shade + 0.05) / (luminance("#121212") + 0.05) > 4


def test_html_loads_nothing_and_leaves_text_and_background_to_the_client():
    send(samples.FAILED)
    content = html_of(sent())
    assert not re.search(r"https?:|src=|href=|url\(|@import|background", content)
    assert 'name="color-scheme" content="light dark"' in content
    colors = set(re.findall(r"[^-]color:([^;\"]+)", content))
    assert len(colors) == 1


@pytest.mark.parametrize("hostile", ["a\r\nBcc: x@example.com", "\n\nbody", "x" * 100_000, "\x00"])
def test_subject_is_one_short_line(hostile):
    send(samples.failed(host=hostile, environment=hostile))
    assert len(sent().subject.splitlines()) == 1
    assert len(sent().subject) <= 200
    assert sent().message()["Bcc"] is None


@pytest.mark.parametrize(
    "hostile", ["\ud800", "🔥👩‍👩‍👧‍👦", "\x00\x1b[31m\u202e", "x" * 100_000, "<" * 100_000]
)
def test_hostile_text_is_sent_and_stays_small(hostile, mail_server):
    send(samples.failed(error_message=hostile, path=hostile, host=hostile, error_type=hostile))
    [message] = mail_server.mails
    assert len(message.as_bytes()) < 60_000


@pytest.mark.parametrize(
    "admins",
    [
        [("Ops", "ops@example.com"), ("Dev", "dev@example.com")],
        ["ops@example.com", "dev@example.com"],
    ],
    ids=["pairs", "addresses"],
)
def test_admins_are_the_default_in_either_form_of_the_setting(admins, settings):
    settings.ADMINS = admins
    settings.SERVER_EMAIL = "shop@example.com"
    send(samples.FAILED, to=None)
    assert sent().to == ["ops@example.com", "dev@example.com"]
    assert sent().from_email == "shop@example.com"


def test_sender_and_prefix_options():
    send(samples.FAILED, from_email="Backups <b@example.com>", subject_prefix="")
    assert sent().from_email == "Backups <b@example.com>"
    assert sent().subject.startswith("[production] Backup")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"to": None}, "to is missing, and ADMINS is empty"),
        ({"to": "ops@example.com"}, "to must be a list of email addresses"),
        ({"to": []}, "to must be a list of email addresses"),
        ({"to": ["ops"]}, "to must be an email address"),
        ({"to": ["a@example.com\nBcc: b@example.com"]}, "to must be an email address"),
        ({"from_email": 5}, "from_email must be a non-empty string"),
        ({"subject_prefix": "a\nb"}, "subject_prefix must be a string on one line"),
        ({"include_error": 1}, "include_error must be True or False"),
        ({"using": "nowhere"}, "using (needs MAILERS|is unknown)"),
    ],
)
def test_invalid_option_is_reported_without_its_value(options, problem):
    with pytest.raises(InvalidOption, match=problem) as caught:
        EmailNotifier(**{"to": TO, **options})
    assert "example.com" not in str(caught.value)


@pytest.mark.skipif(not hasattr(mail, "mailers"), reason="Django has MAILERS from 6.1 on")
def test_using_option(settings, mail_server):
    settings.MAILERS = {
        "ops": settings.MAILERS["default"],
        "default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"},
    }
    send(samples.FAILED, using="ops")
    assert len(mail_server.mails) == 1


@pytest.mark.skipif(not hasattr(mail, "mailers"), reason="Django has MAILERS from 6.1 on")
def test_mailers_without_a_default(settings):
    settings.MAILERS = {"ops": settings.MAILERS["default"]}
    with pytest.raises(InvalidOption, match=r"using is missing, and MAILERS has no .default."):
        EmailNotifier(to=TO)


def test_busy_server_is_retried(mail_server):
    mail_server.answer_with("451 busy")
    send(samples.FAILED)
    assert (mail_server.attempts, len(mail_server.mails)) == (2, 1)


@pytest.mark.parametrize(
    ("answer", "attempts", "permanent"), [("550 no", 1, True), ("451 busy", 3, False)]
)
def test_refusal_is_reported_by_its_code_only(answer, attempts, permanent, mail_server):
    mail_server.always_answer(f"{answer} mail for ops@example.com by T0PsECReT")
    with pytest.raises(NotifierError, match=f"refused the email with {answer[:3]}") as caught:
        send(samples.FAILED)
    assert mail_server.attempts == attempts
    assert caught.value.permanent is permanent
    assert caught.value.__context__ is None
    assert "T0PsECReT" not in str(caught.value)


def test_refused_connection(settings):
    with refusing_url() as url:
        use_smtp(settings, port_of(url))
        with pytest.raises(NotifierError, match="ConnectionRefused") as caught:
            send(samples.FAILED)
    assert not caught.value.permanent
    assert caught.value.__context__ is None


def test_silent_server_is_given_up(settings):
    with silent_port() as port, time_limit(0.3):
        use_smtp(settings, port)
        with pytest.raises(NotifierError, match="The email was not sent"):
            send(samples.FAILED)
