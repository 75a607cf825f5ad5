"""SPF (RFC 7208): who may send for a domain, as its DNS says it, judged without asking from which address."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec import Struct, field

from newsletter.doctor.advice import Advice, no, txt_record, unknown, yes
from newsletter.weburl import is_loopback

MOST_LOOKUPS = 10  # RFC 7208 4.6.4
_ASKS = re.compile(r"(?:include|exists):|redirect=|(?:a|mx|ptr)(?:[:/]|\Z)")
_LEADS_TO = re.compile(r"(?:include:|redirect=)(\S+)")
INCLUDES = {
    "smtp.office365.com": "spf.protection.outlook.com",
    "outlook.office365.com": "spf.protection.outlook.com",
    "smtp.gmail.com": "_spf.google.com",
    "smtp-relay.gmail.com": "_spf.google.com",
    "smtp.fastmail.com": "spf.messagingengine.com",
    "smtp.mail.me.com": "icloud.com",
    "smtp.protonmail.ch": "_spf.protonmail.ch",
    "mail.infomaniak.com": "spf.infomaniak.ch",
    "mail.gandi.net": "_mailcust.gandi.net",
    "ssl0.ovh.net": "mx.ovh.com",
}
"""What the operators of well-known relays ask their customers to include."""


class Texts(Protocol):
    """Reads TXT records."""

    def texts(self, domain: str, /) -> Sequence[str]:
        """Each record as one text."""
        ...


class _Walk(Struct, kw_only=True):
    """What a record leads to: the domains that it takes in, how many questions that costs, dead ends.

    `path` leads from the record to where the walk is. `dead` pairs what is wrong with a domain with the one
    in the record that leads there.
    """

    path: list[str]
    domains: list[str] = field(default_factory=list)
    lookups: int = 0
    dead: list[tuple[str, str]] = field(default_factory=list)


def spf(names: Texts, domain: str, relay_host: str) -> Advice:
    """Whether the domain says who may send for it, and as far as that can be known, names the relay."""
    records = _records(names, domain)
    wanted = INCLUDES.get(relay_host.rstrip(".").lower(), "")
    if not records:
        own = _proposal(relay_host, wanted)
        mend = (
            "put this record into your domain's DNS, and ask whoever runs the mail server whether it is right"
        )
        text = f"{domain} does not say who may send for it, so that many providers call its mail spam"
        return no("SPF", text, _with_address(mend, own), txt_record(domain, own))
    if len(records) > 1:
        text = f"{domain} has {len(records)} SPF records, so that none of them counts"
        own = _offer(_one(records), relay_host, wanted)
        mend = _with_address("put this one in the place of all of them", own)
        return no("SPF", text, mend, txt_record(domain, own))
    return _judged(names, domain, records[0], wanted, relay_host)


def _judged(names: Texts, domain: str, record: str, wanted: str, relay_host: str) -> Advice:
    walk = _Walk(path=[domain.lower().rstrip(".")])
    _follow(names, record, walk)
    terms = [term.lower() for term in record.split()[1:]]
    instead = "put this one in its place"
    if walk.dead:
        culprit, through = walk.dead[0]
        text = f"the record of {domain} leads to {culprit}: so all of it counts for nothing"
        dead = [term for term in record.split() if _leads_to(term, through)]
        own = _offer(_without(record, dead), relay_host, wanted, walk.domains)
        mend = _with_address(f"take {' and '.join(dead)} out, or put it right", own)
        found = no("SPF", text, mend, txt_record(domain, own))
    elif walk.lookups > MOST_LOOKUPS:
        text = f"the record of {domain} asks {walk.lookups} questions of DNS, and {MOST_LOOKUPS} are allowed"
        found = no("SPF", text, "take out what you do not use any more")
    elif {"all", "+all"} & set(terms):
        strict = re.sub(r"(?i)(?<=\s)\+?all\b", "~all", record)
        own = _offer(strict, relay_host, wanted, walk.domains)
        text = f"the record of {domain} lets everybody send for you"
        found = no("SPF", text, _with_address(instead, own), txt_record(domain, own))
    elif wanted and wanted not in walk.domains:
        text = f"the record of {domain} does not name your mail server ({relay_host})"
        found = no("SPF", text, instead, txt_record(domain, _offer(record, relay_host, wanted)))
    elif not any(re.fullmatch(r"[-~?]all|redirect=.*", term) for term in terms):
        text = f"the record of {domain} does not end in ~all or -all, so that it forbids nobody"
        own = _offer(f"{record} ~all", relay_host, wanted, walk.domains)
        found = unknown("SPF", text, _with_address(instead, own), txt_record(domain, own))
    else:
        asks = "" if wanted or not relay_host else f" (whoever runs {relay_host} knows if it is in)"
        found = yes("SPF", f"{domain} says who may send for it: {record}{asks}")
    return found


def _records(names: Texts, domain: str) -> list[str]:
    return [text for text in names.texts(domain) if re.match(r"v=spf1(\s|$)", text, re.IGNORECASE)]


def _proposal(relay_host: str, wanted: str) -> str:
    if wanted:
        return f"v=spf1 include:{wanted} ~all"
    if not relay_host or is_loopback(relay_host):
        return "v=spf1 mx ip4:ADDRESS ~all"
    return f"v=spf1 mx a:{relay_host} ~all"


def _offer(record: str, relay_host: str, wanted: str, known: Collection[str] = ()) -> str:
    """The record, with the relay unless it is `known`; where it names nobody, one for a new domain."""
    version, *terms = record.split()
    if all(re.fullmatch(r"[-~?+]?all|exp=.*", term.lower()) for term in terms):
        return _proposal(relay_host, wanted)
    if not wanted or wanted in known or any(_leads_to(term, wanted) for term in terms):
        return record
    return " ".join([version, f"include:{wanted}", *terms])


def _with_address(mend: str, record: str) -> str:
    if "ADDRESS" not in record:
        return mend
    return f"{mend}; ADDRESS is this computer's address as the world sees it"


def _follow(names: Texts, record: str, walk: _Walk) -> None:
    for term in record.split()[1:]:
        bare = term.lower().lstrip("+-~?")
        walk.lookups += _ASKS.match(bare) is not None
        if leads := _LEADS_TO.match(bare):
            _enter(names, leads[1].rstrip("."), walk)


def _enter(names: Texts, domain: str, walk: _Walk) -> None:
    through = [*walk.path, domain][1]
    if domain in walk.path:
        walk.dead.append((f"{domain}, which leads back to itself", through))
        return
    if domain in walk.domains or len(walk.domains) > 2 * MOST_LOOKUPS or "%" in domain:
        return
    walk.domains.append(domain)
    inner = _records(names, domain)
    if len(inner) != 1:
        walk.dead.append((f"{domain}, which has none", through))
        return
    walk.path.append(domain)
    _follow(names, inner[0], walk)
    walk.path.pop()


def _one(records: Sequence[str]) -> str:
    terms = dict.fromkeys(term for record in records for term in record.split()[1:])
    last = [term for term in terms if re.fullmatch(r"[-~?+]?all", term.lower())]
    kept = [term for term in terms if term not in last]
    return " ".join(["v=spf1", *kept, "~all" if not last or last[0].lower() in {"all", "+all"} else last[0]])


def _leads_to(term: str, domain: str) -> bool:
    return term.lower().lstrip("+-~?").rstrip(".") in {f"include:{domain}", f"redirect={domain}"}


def _without(record: str, gone: Collection[str]) -> str:
    return " ".join(term for term in record.split() if term not in gone)
