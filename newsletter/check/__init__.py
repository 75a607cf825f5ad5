"""Checks: rules that look at a rendered edition before it is sent."""

from newsletter.check.rule import CheckInput, Note, Rule, rule
from newsletter.check.run import RULES, check_edition

__all__ = ["RULES", "CheckInput", "Note", "Rule", "check_edition", "rule"]
