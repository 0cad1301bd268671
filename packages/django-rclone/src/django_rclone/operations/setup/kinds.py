"""The kinds of storage that are asked for by name, and what has to be known of each.

Options are those of rclone: https://rclone.org/overview/.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One option of a storage that somebody has to say."""

    option: str
    text: str
    default: str = ""
    required: bool = True
    secret: bool = False
    """Whether the answer is typed unseen, and the settings name a variable for it."""
    variable: str = ""
    """The variable of a secret, or of what is kept with one."""
    in_file: bool = False
    """Whether the answer is the path of a file that contains the value."""
    whole: bool = False
    """Whether it is a whole number."""
    needs: str = ""
    """The option without which this question is not asked."""
    instead_of: str = ""
    """The option with which this question is not asked."""
    without: Mapping[str, object] = field(default_factory=dict)
    """The options that are set if there is no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageKind:
    """One kind of storage."""

    name: str
    title: str
    type: str
    """As rclone calls it."""
    place: str
    """What is asked for the place there."""
    questions: tuple[Question, ...] = ()
    fixed: Mapping[str, object] = field(default_factory=dict)
    """Options that are always the same."""
    absolute: bool = False
    """Whether the place is an absolute path."""


_BUCKET = "Bucket and folder, such as my-bucket/shop"
_FOLDER = "Folder, such as backups/shop"
_KEY = Question(option="access_key_id", text="Access key ID", variable="BACKUP_ACCESS_KEY_ID")
_SECRET = Question(
    option="secret_access_key",
    text="Secret access key",
    secret=True,
    variable="BACKUP_SECRET_ACCESS_KEY",
    needs="access_key_id",
)
_ROLE = Question(
    option="access_key_id",
    text="Access key ID (empty: the role of this machine)",
    variable="BACKUP_ACCESS_KEY_ID",
    required=False,
    without={"env_auth": True},
)


def _s3(
    name: str,
    title: str,
    provider: str,
    *questions: Question,
    fixed: Mapping[str, object] | None = None,
) -> StorageKind:
    return StorageKind(
        name=name,
        title=title,
        type="s3",
        place=_BUCKET,
        questions=questions,
        fixed={**({"provider": provider} if provider else {}), **(fixed or {})},
    )


def _endpoint(example: str) -> Question:
    return Question(option="endpoint", text=f"Endpoint, such as {example}")


def _optional(option: str, text: str, default: str = "") -> Question:
    return Question(option=option, text=text, default=default, required=False)


KINDS = (
    _s3(
        *("aws", "Amazon S3", "AWS"),
        Question(option="region", text="Region", default="eu-central-1"),
        *(_ROLE, _SECRET),
    ),
    _s3(
        *("hetzner", "Hetzner Object Storage", "Other"),
        *(_endpoint("https://fsn1.your-objectstorage.com"), _KEY, _SECRET),
    ),
    _s3("minio", "Minio", "Minio", _endpoint("https://minio.example.com"), _KEY, _SECRET),
    _s3(
        *("r2", "Cloudflare R2", "Cloudflare"),
        *(_endpoint("https://0123456789abcdef.r2.cloudflarestorage.com"), _KEY, _SECRET),
        # Most tokens may not ask whether the bucket exists.
        fixed={"no_check_bucket": True},
    ),
    _s3(
        *("s3", "Another storage that speaks S3", ""),
        Question(option="provider", text="Provider, as rclone calls it", default="Other"),
        *(_endpoint("https://s3.example.com"), _optional("region", "Region (mostly empty)")),
        *(_KEY, _SECRET),
    ),
    StorageKind(
        name="b2",
        title="Backblaze B2",
        type="b2",
        place=_BUCKET,
        fixed={"hard_delete": True},
        questions=(
            Question(option="account", text="Key ID", variable="BACKUP_KEY_ID"),
            Question(
                option="key",
                text="Application key",
                secret=True,
                variable="BACKUP_APPLICATION_KEY",
            ),
        ),
    ),
    StorageKind(
        name="drive",
        title="Google Drive, by a service account",
        type="drive",
        place=_FOLDER,
        fixed={"scope": "drive"},
        questions=(
            Question(
                option="service_account_credentials",
                text="File with the key of the service account (JSON)",
                in_file=True,
            ),
            Question(option="team_drive", text="ID of the shared drive"),
        ),
    ),
    StorageKind(
        name="sftp",
        title="A server, by SFTP (such as a Storage Box of Hetzner)",
        type="sftp",
        place=_FOLDER,
        questions=(
            Question(option="host", text="Host"),
            Question(option="port", text="Port (23 for a Storage Box)", default="22", whole=True),
            Question(option="user", text="User"),
            Question(
                option="key_pem",
                text="File with the private SSH key (empty: a password)",
                in_file=True,
                required=False,
            ),
            Question(
                option="pass",
                text="Password",
                secret=True,
                variable="BACKUP_SFTP_PASSWORD",
                instead_of="key_pem",
            ),
            _optional(
                "known_hosts_file",
                "File with the key of the server, such as /etc/ssh/ssh_known_hosts (empty: the "
                "server is not verified)",
            ),
        ),
    ),
    StorageKind(
        name="webdav",
        title="WebDAV, such as Nextcloud",
        type="webdav",
        place=_FOLDER,
        questions=(
            Question(
                option="url",
                text="Address, such as https://cloud.example.com/remote.php/dav/files/me",
            ),
            Question(
                option="vendor",
                text="Vendor (nextcloud, owncloud, fastmail, other)",
                default="other",
            ),
            Question(option="user", text="User"),
            Question(
                option="pass", text="Password", secret=True, variable="BACKUP_WEBDAV_PASSWORD"
            ),
        ),
    ),
    StorageKind(
        name="folder",
        title="A folder, such as a disk that is mounted",
        type="local",
        place="Absolute path, such as /mnt/backups/shop",
        absolute=True,
    ),
)


def kind_named(name: str) -> StorageKind:
    """Return a kind by its name, which must be that of one."""
    return next(kind for kind in KINDS if kind.name == name)
