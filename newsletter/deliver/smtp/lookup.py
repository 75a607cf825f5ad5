"""The system's look at a host name, in a thread that nobody has to wait for.

Without a network it can take half a minute, and an event loop cannot be closed before its own has ended.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

from aiohappyeyeballs import AddrInfoType


async def look_up(host: str, port: int) -> Sequence[AddrInfoType]:
    """Where a host answers, as socket.getaddrinfo() tells. Raises OSError, UnicodeError."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Sequence[AddrInfoType]] = loop.create_future()

    def settle(answer: Sequence[AddrInfoType] | Exception) -> None:
        if found.done():
            return
        if isinstance(answer, Exception):
            found.set_exception(answer)
        else:
            found.set_result(answer)

    def look() -> None:
        answer: Sequence[AddrInfoType] | Exception
        try:
            answer = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answer = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, answer)

    threading.Thread(target=look, name="lookup", daemon=True).start()
    return await found
