"""``manage.py backupsetup``: from a storage to settings that work, and a look at those in use."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ... import conf
from ...exceptions import InvalidSettings
from ...operations.setup.doctor import look_at_site
from ...operations.setup.findings import Finding, State
from ...operations.setup.kinds import KINDS
from ...operations.setup.proposal import Proposal
from ...operations.setup.trial import of_error, try_proposed
from ..base import EXIT_USAGE, RcloneCommand, add_noinput, require_terminal
from ..finding_words import finding_record, finding_text
from ..setup_dialog import Dialog, Given, given_answers
from ..setup_text import kept_settings, secrets_text, settings_text


class Command(RcloneCommand):
    help = (
        "Asks where backups should go, tries it, and prints the settings for it. Writes no file, and "
        "no secret anywhere but here. With --try, looks at all that the backups of this site need."
    )
    needs_rclone = False

    def add_arguments(self, parser: CommandParser) -> None:
        add_noinput(parser)
        parser.add_argument(
            "--try",
            action="store_true",
            dest="tries",
            help="Tries what is in the settings now: programs, database, remote, keys, schedule. "
            "Exits with 1 if something does not work.",
        )
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="With --try, prints JSON."
        )
        parser.add_argument(
            "--kind", choices=[kind.name for kind in KINDS], help="Gives the kind of storage."
        )
        parser.add_argument(
            "--place", help="Gives the bucket and folder, or the folder, for the backups."
        )
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="Gives an option of the storage, as rclone calls it. Repeatable. No secrets.",
        )
        parser.add_argument(
            "--from-env",
            action="append",
            default=[],
            metavar="NAME=VARIABLE",
            help="Gives the variable that holds a secret: an option of the storage, PASSWORD of "
            "the encryption, or SIGNING_KEY. Repeatable.",
        )
        parser.add_argument(
            "--from-file",
            action="append",
            default=[],
            metavar="NAME=PATH",
            help="Gives the file that holds a secret, in the same way. Repeatable.",
        )
        encryption = parser.add_mutually_exclusive_group()
        encryption.add_argument(
            "--encrypt", action="store_true", default=None, help="Encrypts, without a question."
        )
        encryption.add_argument(
            "--no-encrypt",
            action="store_false",
            dest="encrypt",
            help="Does not encrypt, without a question.",
        )
        parser.add_argument(
            "--environment",
            metavar="LABEL",
            help="Gives the name of this environment, such as production.",
        )
        parser.add_argument(
            "--name", default="backups", help="Names the remote. Defaults to backups."
        )

    def handle(
        self, *args: Any, interactive: bool, tries: bool, as_json: bool, **options: Any
    ) -> None:
        if tries:
            self._look(as_json=as_json)
            return
        if as_json:
            raise CommandError("--json needs --try.", returncode=EXIT_USAGE)
        given = Given(
            kind=options["kind"],
            name=options["name"],
            place=options["place"],
            environment=options["environment"],
            encrypt=options["encrypt"],
            answers=given_answers(options["option"], options["from_env"], options["from_file"]),
        )
        if interactive:
            require_terminal(
                "There is no terminal to ask on.",
                hint="Give everything by options, and add --noinput.",
            )
        configured = conf.configured()
        present = configured if isinstance(configured, Mapping) else {}
        dialog = Dialog(given, self.stdout.write, interactive=interactive)
        while True:
            proposal = dialog.proposal(present)
            if self._try(proposal, present):
                self._print(proposal, present)
                return
            if not dialog.again():
                raise SystemExit(1)

    def _look(self, *, as_json: bool) -> None:
        if as_json:
            found = list(look_at_site())
            works = not any(one.state is State.FAILED for one in found)
            record = {"works": works, "findings": [finding_record(one) for one in found]}
            self.write_result(json.dumps(record, indent=2))
        else:
            works = self._show(look_at_site())
        if not works:
            raise SystemExit(1)

    def _try(self, proposal: Proposal, present: Mapping[str, object]) -> bool:
        self.stdout.write(f"Trying {proposal.remote} ...")
        # Secrets in it are masked as those of the settings are.
        with conf.proposed(proposal.tried(present)):
            try:
                settings = conf.load()
            except InvalidSettings as error:
                return self._show([of_error("settings", error)])
            return self._show(try_proposed(settings))

    def _show(self, findings: Iterable[Finding]) -> bool:
        """Print what was found, as it is found; return whether it works."""
        works = True
        for finding in findings:
            works = works and finding.state is not State.FAILED
            self.write_result(finding_text(finding, self.style))
        return works

    def _print(self, proposal: Proposal, present: Mapping[str, object]) -> None:
        then = (
            "Then `manage.py backupsetup --try` looks at the whole site,\n"
            "and `manage.py backupsite` makes the first backup."
        )
        parts = [
            "It works. Put this into the settings:",
            settings_text(proposal, present),
            kept_settings(proposal, present),
            secrets_text(proposal),
            then,
        ]
        self.write_result("\n\n".join(filter(None, parts)))
