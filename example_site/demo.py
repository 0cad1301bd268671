"""Show a backup, a disaster and a restore, from the first command to the proof.

Every step is a command of ``manage.py`` that you could type yourself. The demo
works in a temporary folder of its own and needs no network; its exit status is
0 only if the restored site equals the one that was backed up.
"""

import argparse
import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from inbox import Inbox
from terminal import CLEAR, run_on_terminal

SITE_DIR = Path(__file__).resolve().parent
FOREIGN_PREFIXES = ("NOTIFY_", "JOURNAL_", "DJANGO_", "SLACK_", "HEALTHCHECK", "ALLOW_RESTORE")


class DemoError(Exception):
    """The site did not do what the demo expects."""


class Demo:
    """One run: a data folder, an inbox for its messages, and a counter of steps."""

    def __init__(self, folder: Path, inbox: Inbox) -> None:
        self.inbox = inbox
        self.step_number = 0
        self.messages: list[str] = []
        # Variables of a real site, left in the shell, must not leak into the demo.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_PREFIXES)}
        self.environment = {
            **kept,
            "JOURNAL_DATA_DIR": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "SLACK_WEBHOOK_URL": inbox.address("slack"),
            "HEALTHCHECK_URL": inbox.address("healthcheck"),
            "NOTIFY_SLACK_WEBHOOK_URL": inbox.address("slack"),
            "NO_PROXY": "127.0.0.1",
            "PYTHONIOENCODING": "utf-8",
            "DJANGO_COLORS": "nocolor",
        }

    def run(self) -> None:
        """Run all steps. Raises ``DemoError`` if one of them does not do what it should."""
        self.step("Create a site: a journal with a few thousand rows and a few hundred files")
        self.manage("migrate --verbosity 0")
        self.manage("seed")
        original = self.fingerprint()

        self.step("Back up the database and the media to the remote, here a folder")
        self.manage("dbbackup")
        self.manage("mediabackup", JOURNAL_BANDWIDTH="80K")
        self.manage("listbackups")
        self.require(
            "Slack was notified of the backup", self.has_received("slack: Database `default`")
        )
        self.require("the health check was pinged", self.has_received("healthcheck: ping"))

        self.step("Disaster")
        self.manage("damage --yes")
        damaged = self.fingerprint()
        self.require("rows, schema and media differ", differ_everywhere(original, damaged))

        self.step("Restore: the guard in journal/receivers.py says no, and nothing changes")
        self.manage("dbrestore --noinput", refused=True)
        self.require("nothing has changed", self.fingerprint() == damaged)
        self.require("Slack was notified of the failure", self.has_received("failed"))

        self.step("Restore again, with permission")
        self.manage("dbrestore", ALLOW_RESTORE="1")
        self.manage("mediarestore --delete --noinput")

        self.step("A picture is deleted, and the next backup lacks it: an earlier one has it")
        earlier = datetime.now(UTC).isoformat(timespec="milliseconds")
        picture = self.delete_picture()
        self.manage("mediabackup")
        self.manage("listbackups --media")
        self.manage(f"mediarestore --at {earlier} --path {shlex.quote(picture)} --noinput")

        self.step("Is it the same site? SHA-256 of every row, of the schema, of every file")
        restored = self.fingerprint()
        self.require("the restored site equals the one backed up", restored == original)

        self.step("Would the backup restore again? It is rehearsed; then one byte of it rots")
        self.manage("dbverify")
        self.manage("mediaverify --share 1/7")
        self.flip_a_byte()
        self.manage("dbverify --remote-only", refused=True)
        self.manage("backupcheck", refused=True)
        self.require("Slack was notified of it", self.has_received("Verification of a backup"))

    def step(self, title: str) -> None:
        """Start a numbered step."""
        self.step_number += 1
        say(f"\n{self.step_number}. {title}", bold=True)

    def delete_picture(self) -> str:
        """Delete a media file, and return its path."""
        media = Path(self.environment["JOURNAL_DATA_DIR"]) / "media"
        picture = min(path for path in media.rglob("*") if path.is_file())
        picture.unlink()
        say(f"   $ rm {picture.name}", color=36)
        return str(picture.relative_to(media))

    def flip_a_byte(self) -> None:
        """Damage the stored dump as a bad disk does: its name and its size stay."""
        remote = Path(self.environment["JOURNAL_DATA_DIR"]) / "remote"
        # The newest that a restore takes; the other one is of what the restore above replaced.
        dump = max(path for path in (remote / "db").glob("*.zst") if ".safety." not in path.name)
        data = bytearray(dump.read_bytes())
        data[len(data) // 2] ^= 1
        dump.write_bytes(data)
        say(f"   (one bit of {dump.name} is flipped)", color=36)

    def fingerprint(self) -> list[str]:
        """Show and return one line for the rows, one for the schema, one for the media."""
        return self.manage("fingerprint").splitlines()

    def manage(self, command: str, *, refused: bool = False, **environment: str) -> str:
        """Run ``manage.py``, and say yes if it asks; show and return what it prints.

        What receivers send at the same time is shown, too.

        Raises ``DemoError`` if it fails, or succeeds although it should be ``refused``.
        """
        prefix = "".join(f"{name}={value} " for name, value in environment.items())
        say(f"   $ {prefix}python manage.py {command}", color=36)
        status, output = run_on_terminal(
            [sys.executable, str(SITE_DIR / "manage.py"), *shlex.split(command)],
            {**self.environment, **environment},
            answer="y",
            show=say_line,
            show_unfinished=say_unfinished,
        )
        for message in self.inbox.take_all():
            self.messages.append(f"{message.service}: {message.text}")
            say(f"     -> {message.service} received: {message.text}", color=35)
        if refused:
            say(f"     (exit status {status})")
        if (status != 0) != refused:
            raise DemoError(f"{command} ended with exit status {status}")
        return output

    def has_received(self, words: str) -> bool:
        """Return whether a message that contains ``words`` has arrived so far."""
        return any(words in message for message in self.messages)

    def require(self, claim: str, holds: bool) -> None:
        """Show that ``claim`` holds. Raises ``DemoError`` if it does not."""
        if not holds:
            raise DemoError(f"it is not true that {claim}")
        say(f"   [ok] {claim}", color=32)


def differ_everywhere(before: Sequence[str], after: Sequence[str]) -> bool:
    """Return whether rows, schema and media all have different hashes."""
    return all(a.split()[1] != b.split()[1] for a, b in zip(before, after, strict=True))


def shown(line: str) -> str:
    """Return a line as it fits a terminal: with short hashes, and a short name for the logger."""
    line = re.sub(r"\b([0-9a-f]{16})[0-9a-f]{48}\b", r"\1...", line)
    return re.sub(r"\bdjango_rclone_notify\.operations\.\w+: \[development\]", "notify:", line)


def say_line(line: str) -> None:
    """Print a line of a command in place of what was unfinished."""
    say(f"{CLEAR if sys.stdout.isatty() else ''}     {shown(line)}")


def say_unfinished(line: str) -> None:
    """Print a line that a command has not finished, on a terminal: elsewhere it would stay."""
    if sys.stdout.isatty():
        print(f"{CLEAR}     {line}", end="", flush=True)


def say(text: str, *, bold: bool = False, color: int = 0) -> None:
    """Print a line at once: styled on a terminal, plain elsewhere or if ``NO_COLOR`` is set."""
    style = 1 if bold else color
    if style and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        text = f"\033[{style}m{text}\033[0m"
    print(text, flush=True)


def serve(environment: Mapping[str, str]) -> None:
    """Serve the site on a free port, and print its address, until Ctrl-C. Raises ``DemoError``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    argv = [sys.executable, str(SITE_DIR / "manage.py"), "runserver", "--noreload"]
    process = subprocess.Popen(
        [*argv, f"127.0.0.1:{address[1]}"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        while process.poll() is None and not answers(address):
            time.sleep(0.1)
        if process.returncode is None:
            say(f"Look around: http://127.0.0.1:{address[1]}/ (Ctrl-C ends it)", bold=True)
        raise DemoError(f"the site stopped with exit status {process.wait()}")
    except KeyboardInterrupt:
        say("\nStopped.")
    finally:
        process.terminate()
        process.wait()


def answers(address: tuple[str, int]) -> bool:
    """Return whether something listens there."""
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=1):
        return True
    return False


def main() -> int:
    """Run the demo and return its exit status."""
    parser = argparse.ArgumentParser(description="Back up, wreck and restore a sample site.")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    parser.add_argument(
        "--serve", action="store_true", help="then serve the restored site, until Ctrl-C ends it"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up then, too
    folder = Path(tempfile.mkdtemp(prefix="journal-demo-"))
    started = time.monotonic()
    say(f"The site's data is in {folder}")
    try:
        with Inbox() as inbox:
            demo = Demo(folder, inbox)
            demo.run()
            say(
                f"\nEverything is restored, in {time.monotonic() - started:.0f} seconds.", bold=True
            )
            if options.serve:
                serve(demo.environment)
    except DemoError as failure:
        say(f"\nThe demo failed: {failure}.", color=31)
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130
    finally:
        if not options.keep:
            shutil.rmtree(folder)
    if options.keep:
        say("Look around:")
        say(f"  cd {SITE_DIR} && JOURNAL_DATA_DIR={folder} hatch run python manage.py runserver")
    return 0


if __name__ == "__main__":
    sys.exit(main())
