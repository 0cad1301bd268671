"""What became of the live collections is looked at, and known, whatever a swap reports."""

from collections.abc import Callable

import pytest
from django.core.management.base import CommandError
from django.db import connections

from django_rclone.clients.mongodb import MongodbClient
from django_rclone.exceptions import SwapUnknown
from tests.integration.clients.mongodb.shop import Shop
from tests.support.servers.mongodb import Document, Refused
from tests.support.signal_recorder import SignalRecorder


@pytest.fixture
def before(shop: Shop) -> dict[str, Document]:
    """Return what a backed-up database held, which then changed."""
    before: dict[str, Document] = shop.content
    shop.site.rclone["COMPRESSION"] = None
    shop.back_up()
    shop.diverge()
    return before


def at(shop: Shop, name: str, act: Callable[[Document], None]) -> None:
    """Let ``act`` see the first command ``name`` that touches a live collection."""

    def watch(command: Document) -> None:
        parts = [str(value) for value in list(command.values())[:2]]
        if next(iter(command)) == name and not any(
            part.startswith("django_rclone_") or "swapping" in part for part in parts
        ):
            shop.server.on_command = lambda command: None
            act(command)

    shop.server.on_command = watch


def execute_and_hang_up(shop: Shop) -> Callable[[Document], None]:
    """Return what executes a command, and ends the connection instead of answering."""

    def act(command: Document) -> None:
        getattr(shop.server, f"do_{next(iter(command)).lower()}")(command)
        raise ConnectionResetError

    return act


def hang_up(command: Document) -> None:
    raise ConnectionResetError


def test_finish_without_swap_changes_nothing_and_leaves_nothing(
    shop: Shop, before: dict[str, Document]
) -> None:
    live = shop.content
    with (
        shop.site.active(),
        MongodbClient(connections["default"], **shop.options) as client,
        client.restore() as target,
    ):
        target.write(shop.site.dump().read_bytes())
        target.finish()
        assert shop.content != live
    assert shop.content == live


@pytest.mark.thorough
def test_a_lost_acknowledgement_of_the_last_step_is_a_success(
    shop: Shop, before: dict[str, Document], recorder: SignalRecorder
) -> None:
    at(shop, "create", execute_and_hang_up(shop))
    shop.restore()
    assert recorder.events[-1].target_state == "changed"
    assert shop.content == before


@pytest.mark.thorough
@pytest.mark.parametrize("way", ["the first step", "the marker"])
def test_a_connection_lost_before_the_first_step_changes_nothing(
    shop: Shop, before: dict[str, Document], recorder: SignalRecorder, way: str
) -> None:
    live = shop.content
    if way == "the first step":
        at(shop, "drop", hang_up)
    else:
        # The rename of the marker is not acknowledged.
        shop.server.on_command = lambda command: (
            execute_and_hang_up(shop)(command) if "swapping" in str(command.get("to")) else None
        )
    with pytest.raises(CommandError):
        shop.restore()
    assert recorder.events[-1].target_state == "unchanged"
    shop.server.on_command = lambda command: None
    assert shop.content == live


def test_a_lost_acknowledgement_in_the_middle_is_reported_as_broken(
    shop: Shop, before: dict[str, Document], recorder: SignalRecorder
) -> None:
    at(shop, "drop", execute_and_hang_up(shop))
    with pytest.raises(CommandError, match="failed half-way"):
        shop.restore()
    assert recorder.events[-1].target_state == "changed"
    shop.restore()
    assert shop.content == before


def test_a_server_that_cannot_be_looked_at_leaves_the_state_unknown(
    shop: Shop, before: dict[str, Document], recorder: SignalRecorder
) -> None:
    def refuse_everything(command: Document) -> None:
        shop.server.on_command = lambda command: refuse()

    def refuse() -> None:
        raise Refused(91, "the server is shutting down")

    at(shop, "drop", refuse_everything)
    with pytest.raises(CommandError, match="It is unknown whether") as caught:
        shop.restore()
    assert isinstance(caught.value.__cause__, SwapUnknown)
    assert recorder.events[-1].target_state == "unknown"
    shop.server.on_command = lambda command: None
    shop.restore()
    assert shop.content == before


def test_a_mongodump_that_stalls_is_stopped(shop: Shop) -> None:
    shop.site.rclone["DUMP_STALL_TIMEOUT"] = 1
    shop.use_tool("mongodump", "sleep 60")
    with pytest.raises(CommandError, match="made no progress for 1 seconds"):
        shop.back_up()
    assert shop.site.stored() == []
