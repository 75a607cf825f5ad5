"""CPU and time a message over the wire: our courier beside smtplib, to the same sink, in one run.

    python bench/smtp_client.py [--messages 3000] [--size 41000] [--connections 8] [--rounds 3]

The sink runs in a process of its own and takes whatever it is given; what is printed is a ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import smtplib
import statistics
import time

from measure import sink

from newsletter.deliver.courier import SmtpCourier
from newsletter.deliver.loop import new_runner
from newsletter.deliver.ports import Attempt, Parcel
from newsletter.relay import Relay

SENDER = "news@example.org"


def parcels(messages: int, size: int) -> list[Parcel]:
    """Messages of `size` bytes, each to another made-up reader."""
    body = b"Subject: bench\r\n\r\n" + b"x" * 70 + b"\r\n"
    data = body + b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n" * (size // 66)
    return [
        Parcel(delivery=n, mail_from=SENDER, rcpt_to=f"p{n}@example.org", pieces=(data,), dotless=True)
        for n in range(messages)
    ]


async def ours(port: int, sending: list[Parcel], connections: int) -> None:
    """Through the courier, 64 in flight, as a run does."""
    relay = Relay(
        scheme="smtp", host="127.0.0.1", port=port, connections=connections, messages_per_connection=10**9
    )
    courier = SmtpCourier(relay)
    waiting, left, done = iter(sending), len(sending), asyncio.Event()

    def handed_back(attempt: Attempt | BaseException) -> None:
        nonlocal left
        assert isinstance(attempt, Attempt) and attempt.accepted, attempt
        left -= 1
        if (parcel := next(waiting, None)) is not None:
            courier.put(parcel)
        if not left:
            done.set()

    await courier.open(handed_back)
    for parcel in itertools.islice(waiting, 64):
        courier.put(parcel)
    await done.wait()
    await courier.close()


def theirs(port: int, sending: list[Parcel]) -> None:
    """Through smtplib, one connection, ready bytes."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        for parcel in sending:
            client.sendmail(SENDER, parcel.rcpt_to, parcel.pieces[0])


def main() -> None:
    """Print the medians and their ratio."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=3000)
    options.add_argument("--size", type=int, default=41_000)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    sending = parcels(asked.messages, asked.size)
    figures: dict[str, list[tuple[float, float]]] = {"ours": [], "smtplib": []}
    with sink(fast=True) as taking:
        for _ in range(asked.rounds):
            for name, samples in figures.items():
                cpu, wall = time.process_time(), time.perf_counter()
                if name == "ours":
                    with new_runner() as runner:
                        runner.run(ours(taking.port, sending, asked.connections))
                else:
                    theirs(taking.port, sending)
                samples.append((time.process_time() - cpu, time.perf_counter() - wall))
    medians = {
        name: tuple(statistics.median(column) / asked.messages * 1e6 for column in zip(*samples, strict=True))
        for name, samples in figures.items()
    }
    for name, (cpu, wall) in medians.items():
        print(f"{name:8} {cpu:7.0f} µs CPU a message   {1e6 / wall:7.0f} messages/s")
    print(f"smtplib needs {medians['smtplib'][0] / medians['ours'][0]:.1f} times the CPU")


if __name__ == "__main__":
    main()
