"""The only SMTP in the program: a pipelining asyncio client of our own."""

from newsletter.deliver.smtp.connection import Connection
from newsletter.deliver.smtp.probe import ProbeReport, probe, send_one
from newsletter.deliver.smtp.session import Session, Timeouts, Token, connect

__all__ = ["Connection", "ProbeReport", "Session", "Timeouts", "Token", "connect", "probe", "send_one"]
