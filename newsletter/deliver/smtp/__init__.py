"""The only SMTP in the program: a pipelining asyncio client of our own."""

from newsletter.deliver.smtp.connection import Connection
from newsletter.deliver.smtp.probe import ProbeReport, probe, send_one
from newsletter.deliver.smtp.session import Session, Timeouts, Tls, connect, trust

__all__ = [
    "Connection",
    "ProbeReport",
    "Session",
    "Timeouts",
    "Tls",
    "connect",
    "probe",
    "send_one",
    "trust",
]
