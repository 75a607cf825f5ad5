"""What the sender's domain publishes: DKIM, DMARC and MX, judged (pure, over an argument that asks DNS)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from newsletter.dkim import Signer, aligned, txt_strings
from newsletter.doctor.advice import Advice, no, txt_record, unknown, yes
from newsletter.doctor.spf import Texts

POLICIES = ("none", "quarantine", "reject")


class Mail(Protocol):
    """Reads where a domain's mail goes."""

    def mail_hosts(self, domain: str, /) -> Sequence[str]:
        """The MX hosts, "." for a domain that takes none."""
        ...

    def has_address(self, host: str, /) -> bool:
        """Whether the host has an IP address."""
        ...


def dkim(names: Texts, signer: Signer) -> Advice:
    """Whether the published key is the private key's own."""
    own = txt_record(signer.record_name, *txt_strings(signer.record))
    found = [_tags(text) for text in names.texts(signer.record_name) if "p=" in text]
    if not found:
        text = f"nobody can check your signatures: there is no key at {signer.record_name}"
        return no("DKIM", text, "put this record into your domain's DNS", own)
    if len(found) > 1:
        text = f"there are {len(found)} keys at {signer.record_name}, and providers may take the wrong one"
        return no("DKIM", text, "leave only this record there", own)
    if not found[0].get("p"):
        return no("DKIM", f"the key at {signer.record_name} is revoked", "put this record in its place", own)
    if found[0]["p"] != _tags(signer.record)["p"]:
        text = f"the key at {signer.record_name} is another than that of your key file"
        return no("DKIM", text, "put this record in its place, or bring the right key file back", own)
    return yes("DKIM", f"the key at {signer.record_name} is that of your key file")


def dmarc(names: Texts, domain: str, report_to: str) -> Advice:
    """Whether the domain, or one above it, says what becomes of mail that only pretends to be its own."""
    for name in _upwards(domain):
        place = f"_dmarc.{name}"
        found = [text for text in names.texts(place) if re.match(r"v\s*=\s*DMARC1\b", text)]
        if not found:
            continue
        own = txt_record(place, _policy(name, report_to))
        if len(found) > 1:
            text = f"there are {len(found)} DMARC records at {place}, so that none of them counts"
            return no("DMARC", text, "leave only one, like this", own)
        policy = _tags(found[0]).get("p", "").lower()
        if policy not in POLICIES:
            text = f'the record at {place} has no policy that counts: "{found[0]}"'
            return no("DMARC", text, "put this one in its place", own)
        return yes("DMARC", f"{name} asks for p={policy}")
    text = f"{domain} has no DMARC record, which Gmail, Yahoo and Outlook want of whoever sends to many"
    own = txt_record(f"_dmarc.{domain}", _policy(domain, report_to))
    return no("DMARC", text, "put this record into your domain's DNS", own)


def alignment(domain: str, envelope_domain: str, signer: Signer | None) -> Advice | None:
    """Whether something that DMARC counts is of the From address's own domain; None where something is."""
    if aligned(envelope_domain, domain) or (signer is not None and aligned(signer.domain, domain)):
        return None
    text = f"neither the address that mail returns to ({envelope_domain}) nor a signature is of {domain}"
    mend = "sign with newsletter dkim new, unless your mail server signs for your domain already"
    return unknown("DMARC", f"{text}, so that DMARC may call your mail a forgery", mend)


def mx(names: Mail, domain: str) -> Advice:
    """Whether answers to an address of this domain arrive anywhere."""
    hosts = names.mail_hosts(domain)
    mend = f"ask whoever runs mail for {domain}; with a host of your own the record looks like this"
    own = f"{domain}. IN MX 10 mail.{domain}."
    if hosts == ["."]:
        return no(
            "MX",
            f"{domain} says that it takes no mail, so that answers and returned mail are lost",
            mend,
            own,
        )
    if hosts:
        return yes("MX", f"mail to {domain} goes to {', '.join(hosts[:3])}")
    if names.has_address(domain):
        return unknown("MX", f"{domain} has no MX record: mail goes to the computer of that name", mend, own)
    return no("MX", f"mail to {domain} goes nowhere, so that answers and returned mail are lost", mend, own)


def _upwards(domain: str) -> list[str]:
    """The domain and those above it, down to two labels."""
    labels = domain.split(".")
    return [".".join(labels[at:]) for at in range(max(1, len(labels) - 1))]


def _policy(domain: str, report_to: str) -> str:
    to = f"; rua=mailto:{report_to}" if aligned(report_to.rpartition("@")[2].lower(), domain) else ""
    return f"v=DMARC1; p=none{to}"


def _tags(record: str) -> dict[str, str]:
    parts = (part.partition("=") for part in record.split(";"))
    return {name.strip(): "".join(value.split()) for name, _, value in parts}
