"""Carrying filled messages to the relay: policy and pacing (pure), SMTP, the courier, and the run."""
