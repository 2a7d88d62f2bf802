"""Commits of an export by the git program, and pushes to remotes.

The tree has no .git; the repository is elsewhere. git never prompts: credentials come from its
credential helpers and ssh keys, and a push without them fails immediately. No hook runs, and
nothing in the tree is executed.
"""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from feedproxy.errors import ExportError

# The environment variables that git, ssh and credential helpers need. No others are passed on,
# because FEEDPROXY_* variables contain secrets.
_PASSED = frozenset(
    (
        *(
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "TMPDIR",
            "XDG_CONFIG_HOME",
            "XDG_RUNTIME_DIR",
            "SSH_AUTH_SOCK",
            "GNUPGHOME",
        ),
        *(
            "GIT_SSH_COMMAND",
            "GIT_CONFIG_GLOBAL",
            "GIT_CONFIG_SYSTEM",
            "GIT_CONFIG_NOSYSTEM",
            "GIT_SSL_CAINFO",
        ),
        *(
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "no_proxy",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
        ),
    )
)
_FIXED = {
    "LC_ALL": "C.UTF-8",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_AUTHOR_NAME": "feedproxy",
    "GIT_AUTHOR_EMAIL": "feedproxy@localhost",
    "GIT_COMMITTER_NAME": "feedproxy",
    "GIT_COMMITTER_EMAIL": "feedproxy@localhost",
}
_SSH = "ssh -o BatchMode=yes"
# With these settings nothing in the tree or in the user's configuration is executed or changes a
# byte. A new hard link to a file changes the file's ctime, so git must not compare that.
_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.autocrlf": "false",
    "core.fsmonitor": "false",
    "core.trustctime": "false",
    "core.excludesFile": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.quotePath": "false",
    "commit.gpgSign": "false",
    "gc.autoDetach": "false",
    "safe.directory": "*",
    "submodule.recurse": "false",
}
# The lock files that a killed git leaves.
_LOCKS = ("*.lock", "refs/heads/*.lock")
_LOCAL_TIMEOUT_S, _PUSH_TIMEOUT_S = 1_800, 3_600
_HEAD = "refs/heads/mirror"
_DIVERGED = (
    "has commits that are not ours: see what they are; "
    "if they may go, set force = true, else name an empty repository"
)
# Phrases in git's message about a failed push, and the advice for each; the first match counts.
_ADVICE = {
    "non-fast-forward": _DIVERGED,
    "fetch first": _DIVERGED,
    "could not read username": "asks for a password: give git a credential helper that knows it",
    "authentication failed": "does not accept the password that git's credential helper gave",
    "permission denied": "does not accept this user's ssh key or password",
    "host key verification failed": "is not known to ssh: connect to it once by hand, as this user",
    "could not resolve host": "is not found: its host's name leads nowhere from here",
    "does not appear to be a git repository": "is no git repository, or this user may not see it",
    "repository not found": "is no git repository, or this user may not see it",
    "not found": "is no git repository, or this user may not see it",
}


@dataclass(frozen=True, slots=True)
class Repository:
    """A bare repository *git* with commits of *tree*; *environ* is this process's environment."""

    git: Path
    tree: Path
    environ: Mapping[str, str]

    def open(self) -> None:
        """Create the repository if it is missing, and remove the lock files of a killed git.

        No other process may use the repository.
        """
        if not (self.git / "HEAD").is_file():
            self.git.parent.mkdir(parents=True, exist_ok=True)
            self._run("init", "--quiet", "--bare", "--template=", str(self.git), at=())
            self._run("symbolic-ref", "HEAD", _HEAD)
        for lock in (lock for pattern in _LOCKS for lock in self.git.glob(pattern)):
            lock.unlink()

    def stage(self) -> list[tuple[str, str]]:
        """Stage the whole tree; return the changes as pairs of A, M or D and the file."""
        self._run("add", "--all", "--force", ".")
        base = () if self.is_new else ("HEAD",)
        against = base or (self._run("hash-object", "-t", "tree", "/dev/null").strip(),)
        found = self._run(
            "diff-index", "--cached", "--name-status", "--no-renames", "-z", *against
        ).split("\0")
        return list(zip(found[::2], found[1::2], strict=False))

    def commit(self, message: str) -> None:
        """Commit the staged changes."""
        self._run("commit", "--quiet", "--no-verify", "--message", message)

    @property
    def is_new(self) -> bool:
        """Whether the repository has no commit yet."""
        return (
            self._call(("rev-parse", "--quiet", "--verify", "HEAD"), _LOCAL_TIMEOUT_S).returncode
            != 0
        )

    def push(self, url: str, branch: str, *, force: bool) -> None:
        """Push the last commit to a branch of a remote.

        Raises:
            ExportError: the push failed; the message has the reason and what to do.

        """
        options = ("--force",) if force else ()
        result = self._call(
            ("push", "--quiet", *options, "--", url, f"HEAD:refs/heads/{branch}"), _PUSH_TIMEOUT_S
        )
        if result.returncode:
            message = " ".join(result.stderr.split())
            words = next(
                (advice for sign, advice in _ADVICE.items() if sign in message.lower()),
                f"was not pushed to: {message[-300:]}",
            )
            raise ExportError(f"{url}: {words}")

    def _run(self, *words: str, at: tuple[str, ...] | None = None) -> str:
        result = self._call(words, _LOCAL_TIMEOUT_S, at)
        if result.returncode:
            message = " ".join(result.stderr.split())[-300:]
            raise ExportError(f"{self.git}: git {words[0]} failed: {message}")
        return result.stdout

    def _call(
        self, words: tuple[str, ...], timeout_s: float, at: tuple[str, ...] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        at = (f"--git-dir={self.git}", f"--work-tree={self.tree}") if at is None else at
        config = [word for name, value in _CONFIG.items() for word in ("-c", f"{name}={value}")]
        command = ["git", *at, *config, *words]
        try:
            process = subprocess.Popen(  # noqa: S603 (git, with our arguments and the operator's URLs)
                command,
                cwd=self.tree,
                env=_environment(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # no terminal for prompts; a group that is killed as one
            )
        except FileNotFoundError as e:
            raise ExportError("git can't be run; install it (Debian package git)") from e
        try:
            out, message = process.communicate(timeout=timeout_s)
        except BaseException as e:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(e, subprocess.TimeoutExpired):
                raise ExportError(
                    f"{words[-2] if words[0] == 'push' else self.git}: "
                    f"took longer than {timeout_s:.0f} s"
                ) from e
            raise
        return subprocess.CompletedProcess(command, process.returncode, out, message)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    passed = {name: value for name, value in environ.items() if name in _PASSED}
    return {"GIT_SSH_COMMAND": _SSH} | passed | _FIXED
