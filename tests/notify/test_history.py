"""The last outcome in the cache, and the recoveries it reveals."""

import logging
import time
from dataclasses import replace

import pytest
from django.core.cache.backends.locmem import LocMemCache

from django_rclone.events import Operation, State
from django_rclone_notify import history
from tests.notify import samples
from tests.notify.services import NOTIFIERS

CHANNEL = {"BACKEND": f"{NOTIFIERS}.dummy.DummyNotifier", "STATES": ["succeeded", "failed"]}


class FakeBrokenCache(LocMemCache):
    """A cache whose server is down."""

    def get(self, *args, **kwargs):
        raise ConnectionError("redis://:s3cret@cache:6379 is down")


class FakeHangingCache(LocMemCache):
    """A cache whose server takes long to answer."""

    def get(self, *args, **kwargs):
        time.sleep(1)


def states(outbox):
    return [notification.state for notification in outbox]


def test_only_the_first_success_after_failures_is_a_recovery(configure, send, outbox):
    configure(ops=CHANNEL)
    send(samples.SUCCEEDED, samples.FAILED, samples.FAILED, samples.SUCCEEDED, samples.SUCCEEDED)
    assert states(outbox) == ["succeeded", "failed", "failed", "recovered", "succeeded"]


@pytest.mark.parametrize("operation", [Operation.DB_CHECK, Operation.MEDIA_CHECK])
def test_a_check_that_finds_the_same_trouble_is_told_once(configure, send, outbox, operation):
    configure(ops={**CHANNEL, "OPERATIONS": [operation]})
    trouble, fine = (
        replace(sample, operation=operation) for sample in (samples.FAILED, samples.SUCCEEDED)
    )
    send(trouble, trouble, trouble, fine, fine, trouble)
    assert states(outbox) == ["failed", "recovered", "succeeded", "failed"]


def test_a_heartbeat_gets_every_outcome_of_a_check(configure, send, outbox):
    states_wanted = ["started", "succeeded", "failed"]
    configure(ops={**CHANNEL, "STATES": states_wanted, "OPERATIONS": ["db_check"]})
    trouble = replace(samples.FAILED, operation=Operation.DB_CHECK)
    send(trouble, trouble)
    assert states(outbox) == ["failed", "failed"]


@pytest.mark.parametrize(
    "other", [{"database": "other"}, {"environment": "staging"}, {"operation": "db_restore"}]
)
def test_failure_elsewhere_is_not_recovered(other, configure, send, outbox):
    configure(ops=CHANNEL)
    send(samples.failed(**other), samples.SUCCEEDED)
    assert states(outbox) == ["failed", "succeeded"]


def test_start_of_the_next_operation_does_not_hide_the_failure(configure, send, outbox):
    configure(ops=CHANNEL)
    send(samples.FAILED, samples.STARTED, samples.SUCCEEDED)
    assert states(outbox) == ["failed", "recovered"]


def test_failure_is_stored_even_if_no_channel_wants_it(configure, send, outbox):
    configure(ops={**CHANNEL, "STATES": ["recovered"]})
    send(samples.FAILED, samples.SUCCEEDED, samples.SUCCEEDED)
    assert states(outbox) == ["recovered"]


def test_any_string_can_be_an_alias_or_an_environment(configure, send, outbox, settings):
    event = replace(samples.SUCCEEDED, database="a b\n\x00" + "x" * 1000, environment="ü:*?")
    configure(ops=CHANNEL)
    send(replace(event, state=State.FAILED), event)
    assert states(outbox) == ["failed", "recovered"]


@pytest.mark.parametrize("backend", ["FakeBrokenCache", "FakeHangingCache"])
def test_fault_of_the_cache_only_hides_the_recovery(
    backend, configure, send, outbox, settings, log
):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.{backend}"}}
    configure(ops={**CHANNEL, "TIMEOUT": 2.0})
    assert send(samples.FAILED, samples.SUCCEEDED) == []
    assert states(outbox) == ["failed", "succeeded"]
    assert log.warnings == []
    assert "s3cret" not in log.everything


def test_fault_of_the_cache_is_logged_at_debug_level(settings, log):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.FakeBrokenCache"}}
    assert history.change_by(samples.SUCCEEDED) is history.Change.NONE
    [record] = [one for one in log.records if one.name == "django_rclone_notify.history"]
    assert record.levelno == logging.DEBUG
    assert record.getMessage() == "The last outcome is unknown (ConnectionError)"


def test_nothing_is_stored_without_channels(configure, send):
    configure()
    send(samples.FAILED)
    configure(ops=CHANNEL)
    assert history.change_by(samples.SUCCEEDED) is history.Change.NONE
