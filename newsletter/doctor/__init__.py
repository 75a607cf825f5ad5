"""What keeps mails from arriving: the relay, the domain's DNS, the pages that mails lead to, the clock."""

from newsletter.doctor.advice import Advice, Verdict
from newsletter.doctor.dns import Dns
from newsletter.doctor.examine import examine

__all__ = ["Advice", "Dns", "Verdict", "examine"]
