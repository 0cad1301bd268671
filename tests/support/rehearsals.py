"""What every rehearsal next to a live database keeps to, for the tests of each engine."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management.base import CommandError

from django_rclone.backups.inventory import Inventory
from django_rclone.processes import Command
from django_rclone.testing.kills import Killer
from tests.support.kills import KILLS
from tests.support.site import DjangoSite


def entries_in_scratch(connection: Any) -> Iterator[str]:
    """Complain in any case, of how many entries there are, and where."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM entry")
        (count,) = cursor.fetchone()
    yield f"{count} entries in scratch: {'_restoring_' in connection.settings_dict['NAME']}"


@dataclass(frozen=True, kw_only=True)
class Mend:
    """What keeps one kind of thing restorable: broken, a backup of it is restorable nowhere."""

    made: Sequence[str] = ()
    """What makes an example of it."""
    made_by_superuser: Sequence[str] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    """Those of the client."""
    breaks: Mapping[str, object] = field(default_factory=dict)
    """What takes the place of the mend, by its dotted path."""
    cut: str = ""
    """The part of a dump that the program of the database prints, as ``head -c`` takes it."""
    complaint: str
    """Of the rehearsal, as a regular expression."""


def require_found(site: DjangoSite, mend: Mend, patch: pytest.MonkeyPatch) -> None:
    """Fail unless a rehearsal finds what a backup without the mend did not say."""
    database = site.database
    if mend.made_by_superuser:
        database.run(*mend.made_by_superuser, superuser=True)
    database.run(*mend.made)
    database.options.update(mend.options)
    if mend.cut:
        site.fake_program(database.dump_program, f'"$REAL" "$@" | head -c {mend.cut}')
    with patch.context() as broken:
        for path, replacement in mend.breaks.items():
            broken.setattr(path, replacement)
        site.back_up("-d", "default")
        with pytest.raises(CommandError, match=rf"(?s)is not restorable: .*{mend.complaint}"):
            site.call("dbverify", "-d", "default")
    assert database.leftovers() == []


class Rehearsals:
    """Derive a class of tests from it. The fixture ``rehearsing`` is a shop that may rehearse."""

    def test_a_rehearsal_touches_no_live_data_and_leaves_nothing(
        self, rehearsing: DjangoSite
    ) -> None:
        site = rehearsing
        dump = site.back_up()
        site.database.mutate()
        live = site.database.fingerprint()

        printed = site.call("dbverify")

        assert f"Rehearsed db/{dump.name}" in printed
        assert site.database.fingerprint() == live
        assert site.database.leftovers() == []

    def test_the_sites_checks_ask_the_scratch_place(self, rehearsing: DjangoSite) -> None:
        site = rehearsing
        site.rclone["REHEARSAL_CHECKS"] = [f"{__name__}.{entries_in_scratch.__name__}"]
        site.back_up()
        site.database.run("DELETE FROM entry WHERE id > 7")
        with pytest.raises(CommandError, match="500 entries in scratch: True"):
            site.call("dbverify")

    def test_what_comes_back_otherwise_than_it_was_counted_does_not_pass(
        self, rehearsing: DjangoSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site = rehearsing
        to_text = Inventory.to_text

        def with_a_row_more(inventory: Inventory) -> str:
            rows = {table: count + 1 for table, count in inventory.rows.items()}
            return to_text(Inventory(inventory.objects, rows))

        with monkeypatch.context() as patch:
            patch.setattr(Inventory, "to_text", with_a_row_more)
            site.back_up()
        with pytest.raises(CommandError, match="is not restorable"):
            site.call("dbverify")
        assert site.database.leftovers() == []

    @pytest.mark.thorough
    def test_a_killed_rehearsal_touches_no_live_data_and_the_next_one_sweeps(
        self, rehearsing: DjangoSite, request: pytest.FixtureRequest
    ) -> None:
        site = rehearsing
        site.back_up()
        site.database.mutate()
        live = site.database.fingerprint()
        names = ("DJANGO_SETTINGS_MODULE", "PYTHONPATH", "XDG_CACHE_HOME")
        environment = {name: value for name, value in site.environ().items() if name in names}
        command = Command(argv=tuple(site.argv("dbverify")), env=environment)
        killer = Killer(command, random.Random(request.node.name))
        for program in killer.turns(killer.programs * KILLS):
            killer.run(program)
            site.database.wait_until_idle()
            assert site.database.fingerprint() == live

        assert "Rehearsed" in site.call("dbverify")
        assert site.database.fingerprint() == live
        assert site.database.leftovers() == []
