"""Requests to leave that came by mail or were pasted."""

from newsletter.leaving.requests import LeaveRequests, read_requests

__all__ = ["LeaveRequests", "read_requests"]
