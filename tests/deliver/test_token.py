"""XOAUTH2: tokens from a real command, to a relay that takes or refuses them."""

from __future__ import annotations

import asyncio
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter.deliver.smtp import connect
from newsletter.deliver.token import TokenCommand
from newsletter.errors import RelayLoginError
from newsletter.relay import Relay
from tests.deliver.relay import ScriptedRelay, Step
from tests.deliver.test_session import HASTY, relay

OFFER = ("AUTH XOAUTH2 PLAIN",)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def wanting(port: int, code: str) -> Relay:
    return relay(port, host="127.0.0.1", user="jane@example.org", token_command=python(code))


def counting(folder: Path) -> str:
    """A command that prints token-1, token-2, …"""
    place = str(folder / "count")
    return f"import os; f = open({place!r}, 'a'); f.write('x'); f.flush(); print(f'token-{{f.tell()}}')"


def taking(*good: str) -> Callable[[Step], str | None]:
    """A relay that takes only these tokens, and refuses by a challenge as Google and Microsoft do."""
    refusing = False

    def script(step: Step) -> str | None:
        nonlocal refusing
        if step.verb == "AUTH":
            user, token = b64decode(step.argument.split()[1]).decode().rstrip("\x01").split("\x01")
            assert user == "user=jane@example.org"
            refusing = token.removeprefix("auth=Bearer ") not in good
            return "334 eyJzdGF0dXMiOiI0MDAifQ==" if refusing else "235 2.7.0 ok"
        return "535 5.7.8 token expired" if step.verb == "" and refusing else None

    return script


def log_in(server: ScriptedRelay, code: str, *, times: int = 1, patience: float = 30) -> list[str]:
    """Connect so often with one command -> "" or what was the matter, each time."""

    async def main() -> list[str]:
        at = wanting(server.port, code)
        token, ends = TokenCommand(at, patience=patience), []
        for _ in range(times):
            try:
                (await connect(at, HASTY, token=token)).wire.abort("enough")
                ends.append("")
            except RelayLoginError as error:
                ends.append(str(error))
        return ends

    return asyncio.run(main())


def test_a_token_is_kept_while_it_is_good(tmp_path: Path) -> None:
    with ScriptedRelay(taking("token-1"), extensions=OFFER).in_thread() as server:
        assert log_in(server, counting(tmp_path), times=3) == ["", "", ""]
    assert (tmp_path / "count").read_text() == "x"


def test_a_token_that_was_refused_is_not_used_again(tmp_path: Path) -> None:
    with ScriptedRelay(taking("token-2"), extensions=OFFER).in_thread() as server:
        first, *others = log_in(server, counting(tmp_path), times=3)
    assert "refused the login of jane@example.org" in first
    assert "token expired" in first
    assert others == ["", ""]
    assert (tmp_path / "count").read_text() == "xx"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "import sys; print('ya29.secret'); sys.exit('first\\nno jane@example.org here')",
            "ended with 1; it said: no ",
        ),
        ("pass", "printed nothing"),
        ("print('Your token: ya29.secret')", "printed something else"),
        ("print('ya29.secret\\nya29.secret')", "printed something else"),
        ("print('\u00e9')", "printed something else"),
        ("import time; time.sleep(60)", "gave none within 0.5 seconds"),
    ],
)
def test_a_command_that_gives_no_token(code: str, words: str) -> None:
    with ScriptedRelay(taking("ya29.secret"), extensions=OFFER).in_thread() as server:
        (told,) = log_in(server, code, patience=0.5 if "sleep" in code else 30)
    assert words in told
    assert "token_command" in told
    assert "\n" not in told
    assert "ya29" not in told
    assert "jane@" not in told
    assert not any(command.startswith("AUTH") for command in server.commands)


def test_a_command_that_is_not_there() -> None:
    async def main() -> None:
        await TokenCommand(relay(25, user="jane", token_command=("no-such-program",))).get()

    with pytest.raises(RelayLoginError, match="no-such-program, cannot be started"):
        asyncio.run(main())


def test_several_connections_at_once_start_one_command(tmp_path: Path) -> None:
    async def main() -> list[str]:
        token = TokenCommand(wanting(25, counting(tmp_path)))
        return await asyncio.gather(*(token.get() for _ in range(4)))

    assert asyncio.run(main()) == ["token-1"] * 4


def test_a_relay_that_takes_passwords_only_is_given_nothing() -> None:
    with ScriptedRelay(extensions=("AUTH PLAIN LOGIN",)).in_thread() as server:
        (told,) = log_in(server, "print('ya29')")
    assert "takes no access token" in told
    assert not any(command.startswith("AUTH") for command in server.commands)


def test_what_the_command_leaves_behind_is_not_waited_for() -> None:
    """A grandchild that goes on holds what its parent wrote to."""
    child = (
        f"import subprocess, sys; subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(20)'])"
    )
    with ScriptedRelay(taking("token-1"), extensions=OFFER).in_thread() as server:
        began = time.monotonic()
        assert log_in(server, f"{child}; print('token-1')") == [""]
        (told,) = log_in(server, f"{child}; import time; time.sleep(20)", patience=1)
    assert "gave none within 1 seconds" in told
    assert time.monotonic() - began < 10
