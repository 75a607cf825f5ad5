"""Domains that are nearly those of great mailbox providers: slips of the fingers, seen again and again."""

from __future__ import annotations

from typing import Final

_SLIPS: Final = {
    "gmail.com": "gmial.com gmai.com gmal.com gamil.com gnail.com gmil.com gmaill.com gmail.con gmail.cmo "
    "gmail.comm gmail.cm gmail.om gmail.vom gmaul.com gimail.com g-mail.com",
    "hotmail.com": "hotmial.com hotmal.com hotmai.com hotmil.com hotamil.com hotmaill.com hotnail.com "
    "homail.com hotmail.con hotmail.cmo hotmail.comm hotmail.cm",
    "outlook.com": "outlok.com outloo.com outllok.com outlool.com oulook.com outlook.con outlook.cmo",
    "yahoo.com": "yaho.com yahooo.com yhoo.com yaoo.com yahoo.con yahoo.cmo yahoo.comm",
    "icloud.com": "iclod.com icoud.com iclou.com icloud.con icloud.cmo",
    "orange.fr": "ornage.fr oragne.fr orang.fr",
    "wanadoo.fr": "wanado.fr wandoo.fr",
    "gmx.de": "gmx.dee gxm.de",
    "web.de": "wbe.de web.dee",
}
_MEANT: Final = {slip: domain for domain, slips in _SLIPS.items() for slip in slips.split()}


def meant_domain(address_key: str) -> str:
    """The domain that somebody may have meant by the one of this address; empty where nothing is odd."""
    return _MEANT.get(address_key.rpartition("@")[2], "")
