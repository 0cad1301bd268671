"""What ``backupsetup`` proposes for each kind of storage, without trying it."""

from typing import Any

import pytest
from django.core.management.base import CommandError

from django_rclone.conf.remotes import is_secret
from django_rclone.management.setup_dialog import Dialog, Given, given_answers
from django_rclone.management.setup_text import secrets_text, settings_text
from django_rclone.operations.setup.kinds import KINDS, StorageKind
from django_rclone.operations.setup.proposal import Proposal
from django_rclone.rclone.binary import RcloneBinary
from tests.unit.conftest import Configure


def proposed(
    kind: str, *options: str, files: tuple[str, ...] = (), variables: tuple[str, ...] = ()
) -> Proposal:
    given = Given(
        kind=kind,
        name="backups",
        place="/place",
        environment="production",
        encrypt=True,
        answers=given_answers(options, variables, files),
    )
    return Dialog(given, lambda line: None, interactive=False).proposal({})


def options_of(proposal: Proposal) -> Any:
    remotes: Any = proposal.remotes(tried=False)
    return remotes["backups"]["OPTIONS"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_rclone_knows_every_option_of_every_kind(kind: StorageKind, configure: Configure) -> None:
    names = {question.option for question in kind.questions} | set(kind.fixed)
    names |= {name for question in kind.questions for name in question.without}
    options = dict.fromkeys(names, "1")
    settings = configure(REMOTES={"backups": {"TYPE": kind.type, "OPTIONS": options}})
    assert RcloneBinary(settings).remote_variables["RCLONE_CONFIG_BACKUPS_TYPE"] == kind.type


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_secret_of_every_kind_comes_from_a_variable_or_a_file(kind: StorageKind) -> None:
    for question in kind.questions:
        assert not question.secret or question.variable
        if is_secret(question.option):
            assert question.secret or question.in_file


def test_without_keys_a_machine_at_amazon_uses_its_role() -> None:
    assert options_of(proposed("aws")) == {
        "provider": "AWS",
        "region": "eu-central-1",
        "env_auth": True,
    }


def test_a_key_of_ssh_makes_a_password_needless() -> None:
    given = ["host=example.com", "user=shop", "port=23"]
    with pytest.raises(CommandError, match="BACKUP_SFTP_PASSWORD"):
        proposed("sftp", *given)
    options = options_of(proposed("sftp", *given, files=("key_pem=/run/secrets/key",)))
    assert options["key_pem"] == {"FILE": "/run/secrets/key"}
    assert "pass" not in options


def test_what_no_question_is_about_is_taken_too() -> None:
    proposal = proposed(
        *("b2", "hard_delete=false", "chunk_size=96M"),
        variables=("account=ID", "key=KEY", "PASSWORD=MINE"),
    )
    assert options_of(proposal) == {
        "hard_delete": False,
        "chunk_size": "96M",
        "account": {"ENV": "ID"},
        "key": {"ENV": "KEY"},
    }
    assert '"ENCRYPTION": {"PASSWORD": {"ENV": "MINE"}},' in settings_text(proposal, {})


def test_a_signing_key_can_come_from_a_file() -> None:
    proposal = proposed("folder", files=("SIGNING_KEY=/run/secrets/signing-key",))
    text = settings_text(proposal, {})
    assert '"SIGNING_KEY": {"FILE": "/run/secrets/signing-key"},' in text
    assert "/run/secrets/signing-key has to hold the key that signs" in secrets_text(proposal)


def test_spaces_around_a_secret_are_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda question: " x ")
    monkeypatch.setattr("getpass.getpass", lambda question: " two words ")
    given = Given(
        kind="webdav",
        name="backups",
        place="shop",
        environment="production",
        encrypt=True,
        answers={},
    )
    proposal = Dialog(given, lambda line: None, interactive=True).proposal({})
    assert proposal.options["user"].tried == "x"
    assert proposal.options["pass"].tried == " two words "
    assert proposal.password
    assert proposal.password.tried == " two words "
    assert "two words" not in settings_text(proposal, {}) + repr(proposal)
