"""Notify is wired by the site's settings alone."""

import re

from tests.support.example_site import ExampleSite
from tests.support.http_server import LoopbackServer


def test_an_operation_is_logged_from_start_to_end(site: ExampleSite) -> None:
    lines = site.manage("dbbackup").splitlines()

    logged = [line for line in lines if "django_rclone_notify" in line]
    assert len(logged) == 2
    assert re.search(r"\[INFO\].*\[development\] Backup of .*default.* started", logged[0])
    assert re.search(r"\[INFO\].*\[development\] Backup of .*default.* succeeded", logged[1])


def test_a_refused_restore_is_logged_as_an_error(site: ExampleSite) -> None:
    site.manage("dbbackup")

    process = site.attempt("dbrestore", "--noinput")

    assert re.search(r"\[ERROR\] django_rclone_notify.* failed on .*ALLOW_RESTORE", process.stderr)


def test_the_environment_is_named_after_its_variable(site: ExampleSite) -> None:
    assert "[staging] Backup of" in site.manage("dbbackup", JOURNAL_ENVIRONMENT="staging")


def test_slack_hears_of_failures_alone(site: ExampleSite, server: LoopbackServer) -> None:
    site.manage("dbbackup", NOTIFY_SLACK_WEBHOOK_URL=f"{server.url}/slack")
    assert server.requests == []

    site.attempt("dbrestore", "--noinput", NOTIFY_SLACK_WEBHOOK_URL=f"{server.url}/slack")

    [request] = server.requests
    assert request.path == "/slack"
    assert "ALLOW_RESTORE" in request.json()["text"]


def test_a_notifier_connected_by_hand_hears_of_restores_alone(
    site: ExampleSite, server: LoopbackServer
) -> None:
    address = f"{server.url}/restores"
    site.manage("dbbackup", RESTORES_WEBHOOK_URL=address)
    site.manage("dbrestore", "--noinput", ALLOW_RESTORE="1", RESTORES_WEBHOOK_URL=address)

    start, end = (request.json()["text"] for request in server.requests)
    assert start.startswith("▶ [development] Restore of")
    assert end.startswith("✔ [development] Restore of")


def test_healthchecks_hears_of_start_and_end_of_the_database_backup(
    site: ExampleSite, server: LoopbackServer
) -> None:
    address = f"{server.url}/ping/0c8983c9-9d73-446f-adb5-0641fdacc9d4"

    site.manage("dbbackup", NOTIFY_HEALTHCHECKS_URL=address)
    site.manage("mediabackup", NOTIFY_HEALTHCHECKS_URL=address)

    start, end = server.requests
    assert start.path == "/ping/0c8983c9-9d73-446f-adb5-0641fdacc9d4/start"
    assert end.path == "/ping/0c8983c9-9d73-446f-adb5-0641fdacc9d4"
    assert start.query["rid"] == end.query["rid"]


def test_every_channel_passes_the_checks(empty_site: ExampleSite) -> None:
    output = empty_site.manage(
        "check",
        NOTIFY_SLACK_WEBHOOK_URL="https://hooks.slack.example/services/T/B/x",
        NOTIFY_HEALTHCHECKS_URL="https://hc.example/0c8983c9-9d73-446f-adb5-0641fdacc9d4",
        NOTIFY_SENTRY_DSN="https://key@sentry.example/1",
    )

    assert "no issues" in output
