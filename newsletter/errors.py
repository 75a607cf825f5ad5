"""The error tree: every failure that a user can meet.

NewsletterError                one line: where it is, what is wrong, what to do next
├── UsageError                 the command cannot mean what was typed
├── ProjectError               no project here, or one that cannot be used
│   └── ConfigError            newsletter.toml or the environment
├── IssueError                 an issue's files (where is path:line)
├── ListFileError              a list file that cannot be read at all
├── AddressError               an address that mail cannot reach
├── SegmentError               a segment expression
├── NotFoundError              no such list, segment, subscriber, issue or send
├── TokenError                 a link's signed token is not one of ours
├── StoreError                 the database
│   ├── DatabaseBusyError      another program holds it
│   ├── DatabaseVersionError   written by a newer version of this program
│   └── BrokenOffError         in the middle of a send: some have it, some do not (exit 1)
├── RefusedError               the answer is no (exit 1)
└── RelayError                 the relay cannot be used (exit 1)
    ├── RelayUnreachableError  no connection
    ├── RelayTlsError          no trusted encryption
    └── RelayLoginError        the login was refused
"""

from __future__ import annotations


class NewsletterError(Exception):
    """A failure told in one line.

    `where` is a path, `path:line` or an address; `hint` is the next thing to do or type.
    `exit_code` follows the command line's promise: 1 the answer is no, 2 misuse.
    """

    exit_code = 2

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        tail = f" ({self.hint})" if self.hint else ""
        return " ".join(f"{head}{self.message}{tail}".split())


class UsageError(NewsletterError):
    """The command cannot mean what was typed."""


class ProjectError(NewsletterError):
    """There is no project here, or it cannot be used."""


class ConfigError(ProjectError):
    """newsletter.toml or the environment holds something that cannot be used."""


class IssueError(NewsletterError):
    """An issue's files cannot be used; `where` is path:line. `further` is what else is wrong in the file."""

    further: tuple[IssueError, ...] = ()


class ListFileError(NewsletterError):
    """A list file cannot be read at all."""


class AddressError(NewsletterError):
    """Text that is no e-mail address to which mail can go."""


class SegmentError(NewsletterError):
    """A segment expression does not parse, or names what does not exist."""


class NotFoundError(NewsletterError):
    """No such list, segment, subscriber, issue or send."""


class TokenError(NewsletterError):
    """A link's token was not signed by this project, or was cut or changed."""


class StoreError(NewsletterError):
    """The database cannot be used."""


class DatabaseBusyError(StoreError):
    """Another program holds the database."""


class DatabaseVersionError(StoreError):
    """The database was written by a newer version of this program."""


class BrokenOffError(StoreError):
    """The database could not be used any more in the middle of a send."""

    exit_code = 1


class StoppedError(NewsletterError):
    """A person or the system ended the program at once."""

    exit_code = 1


class RefusedError(NewsletterError):
    """The answer is no: nothing was done."""

    exit_code = 1


class RelayError(NewsletterError):
    """The relay cannot be used."""

    exit_code = 1


class RelayUnreachableError(RelayError):
    """No connection to the relay."""


class RelayTlsError(RelayError):
    """The relay's encryption cannot be trusted, or is not offered."""


class RelayLoginError(RelayError):
    """The relay refused the login."""
