import pytest

from django_rclone_notify.exceptions import NotifierError
from django_rclone_notify.secrets import Secret, describe, mask, texts


@pytest.mark.parametrize("show", [str, repr, "{}".format, "%s".__mod__], ids=range(4))
def test_secret_does_not_show_itself(show):
    secret = Secret("abc")
    assert show(secret) == "***"
    assert show([secret]).strip("[]") == "***"
    assert secret.reveal() == "abc"


def test_secrets_with_the_same_text_are_equal():
    assert Secret("abc") == Secret("abc")
    assert Secret("abc") != Secret("abd")
    assert Secret("abc") != "abc"
    assert len({Secret("abc"), Secret("abc")}) == 1


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("no secret", "no secret"),
        ("a token-12345, then", "a ***, then"),
        ("token-12345-long wins", "*** wins"),
        ("short stays", "short stays"),
        ("at https://user:pw@host/x?y failed", "at *** failed"),
        ("two\n lines", "two lines"),
    ],
    ids=range(6),
)
def test_secrets_and_urls_are_masked(text, masked):
    assert mask(text, ["token-12345", "token-12345-long", "short"]) == masked


def test_strings_are_found_at_any_depth():
    option = {"a": "x", "b": [Secret("y"), {"c": ("z", 5, None)}]}
    assert sorted(texts(option)) == ["x", "y", "z"]


def test_own_error_is_described_by_its_message_and_others_by_their_class():
    assert describe(NotifierError("refused s3cret-key"), ["s3cret-key"]) == "refused ***"
    assert describe(ValueError("s3cret-key")) == "ValueError"
