"""Access tokens for XOAUTH2: what a command of the project's prints."""

from __future__ import annotations

import asyncio
import re
import shutil
from asyncio.subprocess import DEVNULL, Process
from tempfile import TemporaryFile
from typing import IO

from newsletter.errors import RelayLoginError
from newsletter.redact import redact
from newsletter.relay import Relay

PATIENCE = 30.0  # seconds for the command
_MOST_READ = 65_536  # bytes; tokens have some thousand
_MOST_TOLD = 200  # characters of what it says


class TokenCommand:
    """Runs `[smtp] token_command`, without a shell, and keeps the token until a login with it is refused."""

    def __init__(self, relay: Relay, *, patience: float = PATIENCE) -> None:
        self._relay, self._patience = relay, patience
        self._token = ""
        self._running = asyncio.Lock()

    async def get(self) -> str:
        """The access token. Raises RelayLoginError where the command gives none."""
        async with self._running:
            self._token = self._token or await self._ask()
            return self._token

    def refused(self, token: str) -> None:
        """The relay did not take this one: the next login gets a fresh one."""
        if self._token == token:
            self._token = ""

    async def _ask(self) -> str:
        """Run the command; it writes into files, as a pipe stays open while any child of its own runs."""
        with self._file() as out, self._file() as err:
            process = await self._start(out, err)
            try:
                async with asyncio.timeout(self._patience):
                    await process.wait()
            except TimeoutError:
                raise self._trouble(f"gave none within {self._patience:g} seconds") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            token, told = (_read(file) for file in (out, err))
        if process.returncode:
            raise self._trouble(f"ended with {process.returncode}{_told(told)}")
        if not re.fullmatch(rb"[!-~]+", token):
            raise self._trouble(f"printed {'something else' if token else 'nothing'}{_told(told)}")
        return token.decode("ascii")

    async def _start(self, out: IO[bytes], err: IO[bytes]) -> Process:
        program, *arguments = self._relay.token_command
        try:
            return await asyncio.create_subprocess_exec(
                shutil.which(program) or program, *arguments, stdin=DEVNULL, stdout=out, stderr=err
            )
        except OSError as error:
            raise self._trouble(f"cannot be started: {error.strerror}") from error

    def _file(self) -> IO[bytes]:
        try:
            return TemporaryFile()
        except OSError as error:
            raise self._trouble(f"cannot be started: {error.strerror}") from error

    def _trouble(self, what: str) -> RelayLoginError:
        return RelayLoginError(
            f"the command for the access token, {self._relay.token_command[0]}, {what}",
            where=self._relay.name,
            hint="run it yourself: it must print the token and nothing else; see [smtp] token_command",
        )


def token_of(relay: Relay) -> TokenCommand | None:
    """What gives this relay's tokens, where it wants tokens."""
    return TokenCommand(relay) if relay.token_command else None


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(_MOST_READ).strip()


def _told(err: bytes) -> str:
    """The last line of what the command said, on one line and without addresses."""
    lines = err.decode("utf-8", "replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    text = redact(last)
    return f"; it said: {text[:_MOST_TOLD]}" if text else ""
