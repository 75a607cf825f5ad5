"""CPU of signing a message beside one bare RSA-2048 signature, in one run.

    python bench/dkim.py [--messages 500] [--rounds 15] [--kilobytes 32]

Each round fills the same letters unsigned, fills and signs them, and makes as many bare signatures; what is
printed is the median of the rounds' ratios. The first value of the stencil stands where a greeting does.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from newsletter.composer import filling
from newsletter.deliver.press import SHEAF
from newsletter.deliver.signers import Signers
from newsletter.dkim import Signer, new_key
from newsletter.models import Address, Field, RenderedEdition
from newsletter.stencil import Envelope, FilledHeaders, Stencil, cut

NAME, LEAVE = "PHq0000q", "PHq0001q"
HEAD = b"x" * 1500
"""About as long as the headers that a signature covers."""
LABELS = {"bare": "one bare RSA-2048 signature", "hash": "SHA-256 of a whole message", "unsigned": "filling"}


def stencil(kilobytes: int) -> Stencil:
    """A made-up edition with so much HTML before it is encoded."""
    line = '<tr>\n  <td style="padding: 0 24px; font-family: sans-serif">Image gently, always.</td>\n</tr>\n'
    rows = line * (kilobytes * 1024 // len(line))
    style = "<style>.a { color: #234 }</style>" * 60
    edition = RenderedEdition(
        slug="bench",
        language="en",
        direction="ltr",
        variant=0,
        subject="Image gently in dentistry",
        preheader="Six things to do",
        title="Image gently",
        html=f'<html><head>{style}</head><p>Dear {NAME},</p>\n{rows}<a href="{LEAVE}">Leave</a></html>',
        text=f"Dear {NAME},\n\n" + "Image gently, always.\n" * 100 + LEAVE,
        fields=(Field(token=NAME, name="name", line=3), Field(token=LEAVE, name="leave_url")),
        pictures=(),
    )
    sender = Address(text="news@example.org", key="news@example.org", needs_smtputf8=False)
    envelope = Envelope(
        sender=sender,
        sender_name="Image Gently News",
        reply_to=sender,
        list_id="news.example.org",
        list_help="mailto:news@example.org",
        feedback_id="bench:en:newsletter",
        one_click=True,
    )
    return cut(edition, envelope)


def letters(count: int) -> list[tuple[dict[str, str], FilledHeaders]]:
    """What differs from reader to reader."""
    found = []
    for n in range(count):
        text = f"reader.{n:06d}@example.net"
        headers = FilledHeaders(
            to=Address(text=text, key=text, needs_smtputf8=False),
            to_name=f"Dr Sample {n}",
            date=1_790_000_000_000,
            message_id=f"<{n:032x}@example.org>",
            list_unsubscribe=f"<https://news.example.org/u/{n:054d}>, <mailto:news@example.org?subject={n}>",
        )
        values = {"name": f"Dr Sample {n}", "leave_url": f"https://news.example.org/p/{n:054d}"}
        found.append((values, headers))
    return found


def cpu(work: Sequence[Callable[[], object]]) -> float:
    """Microseconds of CPU for each piece of work."""
    before = time.process_time()
    for do in work:
        do()
    return (time.process_time() - before) / len(work) * 1e6


async def rate(signer: Signer, count: int, processes: int) -> float:
    """Signatures a second by so many processes, in sheaves as a run hands them out."""
    signers = Signers(signer.pem, signer.sign_digest, count=processes)
    await signers.open()
    while not all(process.ready for process in signers._processes):
        await asyncio.sleep(0.01)
    before = time.perf_counter()
    jobs = [signers.sign([hashlib.sha256(HEAD).digest()] * SHEAF) for _ in range(count // SHEAF)]
    await asyncio.gather(*filter(None, jobs))
    seconds = time.perf_counter() - before
    await signers.close()
    return count / seconds


def main() -> None:
    """Print the medians."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=500)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--kilobytes", type=int, default=32)
    asked = options.parse_args()
    rsa, ed25519 = (
        Signer(domain="example.org", selector="bench", pem=new_key(ed25519=short)) for short in (False, True)
    )
    key = load_pem_private_key(rsa.pem, None)
    assert isinstance(key, RSAPrivateKey)
    padding, algorithm = PKCS1v15(), hashes.SHA256()
    edition, readers = stencil(asked.kilobytes), letters(asked.messages)
    ways = {
        "unsigned": filling(edition, None),
        "RSA": filling(edition, rsa),
        "Ed25519": filling(edition, ed25519),
    }
    size = sum(map(len, ways["unsigned"](*readers[0])))
    body = b"x" * size
    ways |= {
        "bare": lambda *_: key.sign(HEAD, padding, algorithm),
        "hash": lambda *_: hashlib.sha256(body).digest(),
    }
    rounds = [
        {name: cpu([partial(way, *reader) for reader in readers]) for name, way in ways.items()}
        for _ in range(asked.rounds)
    ]
    print(f"{size:,} octets a message; medians of {asked.rounds} rounds of {asked.messages}")
    for name, told in LABELS.items():
        print(f"{told:<34} {statistics.median(r[name] for r in rounds):6.0f} µs CPU")
    for name in ("RSA", "Ed25519"):
        added = [r[name] - r["unsigned"] for r in rounds]
        bare = statistics.median(a / r["bare"] for a, r in zip(added, rounds, strict=True))
        floor = statistics.median(a / (r["bare"] + r["hash"]) for a, r in zip(added, rounds, strict=True))
        print(
            f"signing with {name:<21} {statistics.median(added):6.0f} µs CPU: {bare:.2f} of a bare RSA-2048 "
            f"signature, {floor:.2f} of it with a bare SHA-256 of the message"
        )
    for name, signer in (("RSA", rsa), ("Ed25519", ed25519)):
        one, two = (asyncio.run(rate(signer, 4 * asked.messages, count)) for count in (1, 2))
        print(f"{name:<7} in one and two processes   {one:6.0f} and {two:.0f} a second: {two / one:.2f}")


if __name__ == "__main__":
    main()
