"""A mail server on this machine that keeps what it is given as .eml files: for the demo."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class _Keep:
    """Writes each message to a file of its own, in the order of arrival."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.count += 1
        content = envelope.original_content or b""
        name = f"{self.count:03d}-{envelope.rcpt_tos[0].partition('@')[0]}.eml"
        (self.folder / name).write_bytes(content)
        return "250 2.0.0 kept"


@contextmanager
def catching(folder: Path) -> Iterator[int]:
    """Keep mails in `folder` while the block runs; gives the free loopback port that it listens on."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="catcher", daemon=True)
    thread.start()

    async def start() -> asyncio.Server:
        keep = _Keep(folder)
        return await loop.create_server(lambda: SMTP(keep, enable_SMTPUTF8=True), "127.0.0.1", 0)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
