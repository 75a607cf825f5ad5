"""The documented tables of what relays say: whom a refusal is about, and what it means in plain words.

Codes are RFC 3463 and its registry; provider texts are those of Microsoft 365, Gmail, Amazon SES, SendGrid,
Mailgun, Brevo, Yahoo, Postfix, Exim and Exchange. Where a refusal may be about either side, the send stops:
stopping costs a command, marking costs a reader.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from newsletter.models import Reply


class About(StrEnum):
    """Whom a refusal is about; `UNCLEAR` is a policy code (x.7.x) that does not say."""

    QUOTA = "quota"
    TLS = "tls"
    LOGIN = "login"
    SENDER = "sender"
    POLICY = "policy"
    SIZE = "size"
    UNCLEAR = "unclear"
    OTHER = ""


class Sign(Struct, frozen=True, kw_only=True):
    """One row: fits where the code, the enhanced code and the text all do."""

    about: About
    codes: str = r"[45]\d\d"
    enhanced: str = r".*"
    text: str = r""

    def fits(self, reply: Reply) -> bool:
        """Whether this row speaks of the reply."""
        return (
            re.fullmatch(self.codes, str(reply.code)) is not None
            and re.fullmatch(self.enhanced, reply.enhanced) is not None
            and re.search(self.text, reply.text, re.IGNORECASE) is not None
        )


_ONE_READER = (  # Microsoft: groups and people who take no outside mail, or who block this sender
    r"[45]\.7\.(?:2|12|13|124|13[3-6]|504|505|507|510|513|703)"
)
_POLICY_TEXT = (
    r"\bSPF\b|\bDKIM\b|\bDMARC\b|unauthenticated|spam|unsolicited|phish|malware|virus|infected|reputation|"
    r"black ?list|block ?list|deny ?list|\bblocked\b|\bbanned\b|\bRBL\b|\bDNSBL\b|policy|policies|"
    r"suspicious|abuse|reverse dns|\bPTR\b|\bhelo\b"
)
_LOGIN_TEXT = (
    r"authenticat(?:ion|e) (?:is )?(?:required|needed|first|failed)|not authenticated|must authenticate|"
    r"log ?in (?:first|required)|unable to relay|not (?:permitted|allowed) to relay|"
    r"relay(?:ing)?\b.{0,40}\b(?:denied|prohibited|not (?:permitted|allowed))"
)
_SENDER_TEXT = (
    r"sender (?:address )?(?:rejected|denied|not (?:allowed|authori[sz]ed|verified|owned))|SendAsDenied|"
    r"not authori[sz]ed to send (?:from|as|on behalf)|address is not verified|identities failed the check|"
    r"domain (?:is )?not (?:verified|registered)|sender verify failed|bad (?:outbound )?sender|"
    r"from (?:address|header) .*(?:not verified|does not match|must match)|sending (?:has been )?paused"
)
_QUOTA_TEXT = (
    r"(?:daily|hourly|monthly)\b.*\b(?:limit|quota|credits?)|(?:limit|quota|credits?)\b.*\bdaily|"
    r"(?:limit|quota|credits?)\b.*\b(?:per|a|an) (?:day|hour|month)|exceeded the max (?:emails|defers)|"
    r"maximum credits exceeded|out of credits?|not enough credits|over message quota|"
    r"(?:sending|submission|relay|account) (?:limit|quota)s? (?:has been |was |is )?(?:exceeded|reached)"
)
_RATE_TEXT = (
    r"(?:message|recipient|sending|e-?mail) (?:rate )?(?:limit|quota) "
    r"(?:has been |was |is )?(?:exceeded|reached)|"
    r"(?:exceeded|reached) (?:the|your) [\w -]{0,40}\b(?:sending|message|recipient) (?:limit|quota)|"
    r"exceeded the maximum number of (?:messages|recipients)"
)

# Read from the top; the first row that fits decides.
SIGNS: tuple[Sign, ...] = (
    Sign(about=About.POLICY, codes=r"5\d\d", text=r"\[TSS\d\d\]"),  # Yahoo, whatever enhanced code it bears
    # One reader's own mailbox or group: never a reason to stop.
    Sign(about=About.OTHER, enhanced=_ONE_READER),
    Sign(about=About.OTHER, enhanced=r"5\.7\.\d+", text=r"RESOLVER\.RST|recipient address rejected"),
    Sign(about=About.OTHER, enhanced=r"5\.2\.12[12]"),  # Microsoft: this reader gets too much an hour
    Sign(about=About.OTHER, enhanced=r"[45]\.2\.[23]", text=r"^(?!.*submission)"),  # mailbox full
    Sign(about=About.OTHER, codes=r"4\d\d", text=r"receiving mail (?:too quickly|at a rate)"),  # Gmail
    # Quota. Gmail 5.4.5 and "Peak SMTP relay limit"; Microsoft 5.1.90, 5.2.2 "Submission quota exceeded",
    # 5.7.232, 5.7.233, 5.7.508, 5.7.705; Amazon "454 Throttling failure: Daily message quota exceeded";
    # SendGrid "451 Maximum credits exceeded"; AuthSMTP 433; cPanel "exceeded the max emails per hour".
    Sign(about=About.QUOTA, enhanced=r"5\.4\.5|5\.1\.90|5\.7\.(?:232|233|508|705)"),
    Sign(about=About.QUOTA, codes=r"433"),
    Sign(about=About.QUOTA, text=r"submission quota exceeded|peak smtp relay limit"),
    Sign(about=About.QUOTA, codes=r"5\d\d", text=_RATE_TEXT),
    Sign(about=About.QUOTA, codes=r"5\d\d|4(?!21)\d\d", text=_QUOTA_TEXT),
    # RFC 3207 4. What only speaks of one recipient's server bears other codes.
    Sign(about=About.TLS, codes=r"530", text=r"STARTTLS"),
    Sign(about=About.TLS, codes=r"5\d\d", text=r"issue a STARTTLS command first"),
    # The login. RFC 4954: 530, 534, 535, 538; Gmail 5.7.8, 5.7.9, 5.7.14; Microsoft 5.7.3, 5.7.57, 5.7.64,
    # 5.7.139; Postfix, Exim and Exchange where relaying is denied. Yahoo uses 554 5.7.9 for its policy.
    Sign(about=About.POLICY, codes=r"554", enhanced=r"5\.7\.9", text=r"polic(?:y|ies)"),
    Sign(about=About.LOGIN, codes=r"53[0458]"),
    Sign(about=About.LOGIN, enhanced=r"5\.7\.(?:3|4|8|9|10|11|14|57|64|139)"),
    Sign(about=About.LOGIN, codes=r"5\d\d", text=_LOGIN_TEXT),
    # The sender's address. RFC 3463 5.1.7, 5.1.8; Microsoft 5.2.251 to 255, 5.7.60; Amazon; SendGrid 403.
    Sign(about=About.SENDER, enhanced=r"5\.1\.[78]|5\.2\.25[1-5]|5\.7\.60"),
    Sign(about=About.SENDER, codes=r"5\d\d|403", text=_SENDER_TEXT),
    # Policy about our mail as such. RFC 7372 and 8616: 5.7.20 to 5.7.30; Microsoft 5.7.5xx (5.7.515: over
    # 5,000 a day without SPF, DKIM and DMARC), 5.7.6xx, 5.7.7xx; block lists; content filters.
    Sign(about=About.POLICY, enhanced=r"5\.7\.(?:2\d|30|40|50\d|51[1-5]|60[6-9]|6[1-4]\d|70[68]|7[15]0)"),
    Sign(about=About.POLICY, codes=r"5\d\d", enhanced=r"5\.7\.\d+|", text=_POLICY_TEXT),
    Sign(about=About.UNCLEAR, enhanced=r"5\.7\.\d+"),
)

_PAUSE = {
    About.QUOTA: "your mail server says that you have used up what you may send for now (see [smtp] rate)",
    About.TLS: "your mail server wants an encrypted connection: begin [smtp] url with smtp+starttls://",
    About.LOGIN: "your mail server wants a login that may send: see [smtp] user and password",
    About.SENDER: "your mail server does not accept the sender address",
    About.POLICY: "a mail server refuses this mail because of its sender or content",
    About.SIZE: "this mail is larger than your mail server takes: make its pictures smaller",
}


def about(reply: Reply) -> About:
    """Whom a reply is about: every sign is of a 4xx or 5xx, so of any other it is OTHER."""
    return next((sign.about for sign in SIGNS if sign.fits(reply)), About.OTHER)


def too_large(reply: Reply) -> bool:
    """Whether a refusal is about the message's size (RFC 1870 6.1, RFC 3463 3.3 and 3.4)."""
    return reply.code == 552 or reply.enhanced in {"5.3.4", "5.2.3"}


def pause_reason(whom: About, reply: Reply) -> str:
    """Why the send stops, with the server's own words."""
    head = _PAUSE.get(whom, "your mail server refuses to take messages from you")
    return f"{head} ({spoken(reply)})" if whom is About.SIZE else f"{head}; it said: {spoken(reply)}"


def spoken(reply: Reply) -> str:
    """A reply as people quote it: `550 5.1.1 no such user`."""
    return " ".join(part for part in (str(reply.code or ""), reply.enhanced, reply.text) if part)


def explained(reply: Reply) -> str:
    """A reply as people quote it, after what is to be done where that is known."""
    whom = about(reply)
    return pause_reason(whom, reply) if whom in _PAUSE else spoken(reply)


_PLAIN: tuple[tuple[str, str], ...] = (
    (r"\S+ 5\.1\.(?:1|6|10)\b", "The mailbox does not exist any more, or the address has a typing error."),
    (r"\S+ 5\.1\.3\b", "The address is not written correctly."),
    (r"\S+ [45]\.1\.(?:2|4)\b", "The part of the address after the @ does not exist."),
    (r"\S+ [45]\.2\.1\b", "The mailbox is switched off or may not receive mail at present."),
    (r"\S+ [45]\.2\.2\b|mailbox (?:is )?full|over quota", "The reader's mailbox is full."),
    (r"\S+ [45]\.2\.3\b|\S+ [45]\.3\.4\b|^552\b", "The message is too large for the reader's mail server."),
    (r"\S+ [45]\.4\.\d+\b", "The reader's mail server could not be reached."),
    (r"gr[ea]y-?listed|gr[ea]y-?listing", "The reader's mail server asks for another try later."),
    (r"\S+ 5\.7\.(?:12|124|13[3-6]|2)\b", "The reader's organisation takes no outside mail at this address."),
    (r"\S+ 6\.7\.|SMTPUTF8", "Your mail server cannot write to an address with these letters."),
    (r"^421\b|\S+ 4\.3\.2\b", "The mail server was too busy and asked to be tried again later."),
    (r"\S+ 4\.7\.\d+\b", "The mail server wants messages to come more slowly."),
    (r"\S+ 4\.\d\.\d+\b|^4\d\d\b", "The mail server could not take the message just then."),
    (r"\S+ 5\.7\.\d+\b", "The reader's mail server refused the message under its own rules."),
    (r"user unknown|unknown user|no such user|does not exist|unknown mailbox",
     "The mailbox does not exist any more, or the address has a typing error."),
    (r"^5\d\d\b", "The mail server refused the message for good."),
    (r"^2\d\d\b", "Your mail server accepted the message."),
)  # fmt: skip


def plain_reason(reply: Reply | None) -> str:
    """What a reply means, in a sentence that a clinician understands."""
    if reply is None or not reply.code:
        return "The connection to your mail server broke before it answered."
    whom = about(reply)
    if whom in _PAUSE:
        return f"{_PAUSE[whom][0].upper()}{_PAUSE[whom][1:]}."
    words = spoken(reply)
    return next(
        (plain for pattern, plain in _PLAIN if re.search(pattern, words, re.IGNORECASE)),
        "The mail server gave an answer that says nothing more.",
    )
