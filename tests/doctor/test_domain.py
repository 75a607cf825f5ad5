"""What a domain publishes, asked of a real DNS server, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.dkim import Dkim, Signer, new_key, txt_strings
from newsletter.doctor import Advice, Dns, Verdict, domain
from newsletter.doctor.dns import Unanswered
from newsletter.doctor.spf import spf
from newsletter.errors import UsageError
from tests.doctor.nameserver import Zone, serving, silent

HOME = "alliance.example.org"
GMAIL = "smtp.gmail.com"
GOOGLE: Zone = {("_spf.google.com", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 ~all"']}
YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN


def txt(name: str, *texts: str) -> Zone:
    return {(name, "TXT"): [f'"{text}"' for text in texts]}


def many(count: int) -> Zone:
    names = [f"{n}.example.net" for n in range(count)]
    zone = dict(txt(HOME, "v=spf1 " + " ".join(f"include:{name}" for name in names) + " -all"))
    for name in names:
        zone |= txt(name, "v=spf1 ip4:192.0.2.1 -all")
    return zone


@pytest.mark.parametrize(
    ("zone", "relay", "verdict", "words", "record"),
    [
        ({}, GMAIL, NO, "does not say", "v=spf1 include:_spf.google.com ~all"),
        ({}, "mail.example.org", NO, "does not say", "v=spf1 mx a:mail.example.org ~all"),
        ({}, "localhost", NO, "does not say", "v=spf1 mx ip4:ADDRESS ~all"),
        (
            txt(HOME, "google-site-verification=1"),
            GMAIL,
            NO,
            "does not say",
            "v=spf1 include:_spf.google.com ~all",
        ),
        (txt(HOME, "v=spf1 mx -all"), "mail.example.org", YES, "knows if it is in", ""),
        ({**GOOGLE, **txt(HOME, "v=spf1 include:_spf.google.com ~all")}, GMAIL, YES, "says who may send", ""),
        (
            {
                **GOOGLE,
                **txt(HOME, "v=spf1 redirect=all.example.org"),
                **txt("all.example.org", "V=SPF1 include:_SPF.google.com -all"),
            },
            GMAIL,
            YES,
            "says who may send",
            "",
        ),
        (
            txt(HOME, "v=spf1 mx -all"),
            GMAIL,
            NO,
            "does not name your mail server",
            "v=spf1 include:_spf.google.com mx -all",
        ),
        (
            txt(HOME, "v=spf1 mx -all", "v=spf1 a mx ~all"),
            GMAIL,
            NO,
            "2 SPF records",
            "v=spf1 include:_spf.google.com a mx ~all",
        ),
        (txt(HOME, "v=spf1 mx all"), "mail.example.org", NO, "lets everybody", "v=spf1 mx ~all"),
        (txt(HOME, "v=spf1 mx"), "mail.example.org", UNKNOWN, "forbids nobody", "v=spf1 mx ~all"),
        (
            txt(HOME, "v=spf1 include:gone.example.net mx -all"),
            "mail.example.org",
            NO,
            "gone.example.net, which has none",
            "v=spf1 mx -all",
        ),
        (
            txt(HOME, f"v=spf1 include:{HOME} -all"),
            "mail.example.org",
            NO,
            "leads back to itself",
            "v=spf1 mx a:mail.example.org ~all",
        ),
        (
            {
                **txt(HOME, "v=spf1 mx include:a.example.net -all"),
                **txt("a.example.net", "v=spf1 include:b.example.net -all"),
                **txt("b.example.net", "v=spf1 include:A.example.net. -all"),
            },
            "mail.example.org",
            NO,
            "a.example.net, which leads back to itself",
            "v=spf1 mx -all",
        ),
        (
            {
                **txt(HOME, "v=spf1 include:a.example.net include:b.example.net -all"),
                **txt("a.example.net", "v=spf1 include:b.example.net -all"),
                **txt("b.example.net", "v=spf1 mx -all"),
            },
            "mail.example.org",
            YES,
            "says who",
            "",
        ),
        (
            {
                **txt(HOME, "v=spf1 mx ?include:a.example.net. -all"),
                **txt("a.example.net", "v=spf1 include:gone.example.net -all"),
            },
            "mail.example.org",
            NO,
            "gone.example.net, which has none",
            "v=spf1 mx -all",
        ),
        (txt(HOME, "v=spf1 +all"), "mail.example.org", NO, "lets", "v=spf1 mx a:mail.example.org ~all"),
        (txt(HOME, "v=spf1 all"), "localhost", NO, "lets", "v=spf1 mx ip4:ADDRESS ~all"),
        (txt(HOME, "v=spf1 +all"), GMAIL, NO, "lets", "v=spf1 include:_spf.google.com ~all"),
        (txt(HOME, "v=spf1 mx +all"), GMAIL, NO, "lets", "v=spf1 include:_spf.google.com mx ~all"),
        (
            txt(HOME, "v=spf1 +all", "v=spf1 -all"),
            "mail.example.org",
            NO,
            "2 SPF records",
            "v=spf1 mx a:mail.example.org ~all",
        ),
        (
            txt(HOME, "v=spf1 include:gone.example.net mx -all"),
            GMAIL,
            NO,
            "gone.example.net, which has none",
            "v=spf1 include:_spf.google.com mx -all",
        ),
        (
            txt(HOME, "v=spf1 mx redirect=gone.example.net"),
            "mail.example.org",
            NO,
            "gone.example.net, which has none",
            "v=spf1 mx",
        ),
        (
            txt(HOME, "v=spf1 all exp=why.example.net"),
            "mail.example.org",
            NO,
            "lets",
            "v=spf1 mx a:mail.example.org ~all",
        ),
        (txt(HOME, "v=spf1"), GMAIL, NO, "does not name", "v=spf1 include:_spf.google.com ~all"),
        (txt(HOME, "v=spf1"), "localhost", UNKNOWN, "forbids nobody", "v=spf1 mx ip4:ADDRESS ~all"),
        (many(10), "mail.example.org", YES, "says who", ""),
        (many(11), "mail.example.org", NO, "asks 11 questions", ""),
    ],
)
def test_spf(zone: Zone, relay: str, verdict: Verdict, words: str, record: str) -> None:
    with serving(zone) as server:
        found = spf(Dns(server.address), HOME, relay)
    assert (found.topic, found.verdict) == ("SPF", verdict), found
    assert words in found.text
    assert found.record == (f'{HOME}. IN TXT "{record}"' if record else "")
    assert bool(found.mend) == (verdict is not YES)
    assert ("ADDRESS is" in found.mend) == ("ADDRESS" in record)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    key = tmp_path / "key.pem"
    key.write_bytes(new_key())
    return Signer.load(Dkim(domain=HOME, selector="news", private_key=key))


def test_dkim(signer: Signer, tmp_path: Path) -> None:
    place = f"news._domainkey.{HOME}"
    strings = " ".join(f'"{text}"' for text in txt_strings(signer.record))
    own = f"{place}. IN TXT {strings}"
    other = Signer(domain=HOME, selector="news", pem=new_key()).record
    theirs = " ".join(f'"{text}"' for text in txt_strings(other))
    loose = " ".join(f'"{text}"' for text in txt_strings(signer.record.replace("; ", " ;  ") + " ;"))
    cases: list[tuple[list[str], Verdict, str]] = [
        ([], NO, "there is no key"),
        (['"v=spf1 -all"'], NO, "there is no key"),
        (['"v=DKIM1; p="'], NO, "revoked"),
        ([theirs], NO, "another than that of your key file"),
        ([strings, theirs], NO, "2 keys"),
        ([strings], YES, "is that of your key file"),
        ([loose], YES, "is that of your key file"),
    ]
    for records, verdict, words in cases:
        with serving({(place, "TXT"): records} if records else {}) as server:
            found = domain.dkim(Dns(server.address), signer)
        assert found.verdict is verdict, (records, found)
        assert words in found.text
        assert found.record == ("" if verdict is YES else own)


@pytest.mark.parametrize(
    ("zone", "verdict", "words"),
    [
        ({}, NO, "has no DMARC record"),
        (txt(f"_dmarc.{HOME}", "v=DMARC1; p=none; rua=mailto:a@example.org"), YES, "p=none"),
        (txt("_dmarc.example.org", "v=DMARC1;p=Reject"), YES, "example.org asks for p=reject"),
        (txt("_dmarc.org", "v=DMARC1; p=none"), NO, "has no DMARC record"),
        (txt(f"_dmarc.{HOME}", "v=DMARC1; p=nothing"), NO, "no policy that counts"),
        (txt(f"_dmarc.{HOME}", "v=DMARC1; p=none", "v=DMARC1; p=reject"), NO, "2 DMARC records"),
        (txt(f"_dmarc.{HOME}", "v=spf1 -all"), NO, "has no DMARC record"),
    ],
)
def test_dmarc(zone: Zone, verdict: Verdict, words: str) -> None:
    with serving(zone) as server:
        found = domain.dmarc(Dns(server.address), HOME, f"office@{HOME}")
    assert found.verdict is verdict, found
    assert words in found.text
    if verdict is NO:
        assert found.record == f'_dmarc.{HOME}. IN TXT "v=DMARC1; p=none; rua=mailto:office@{HOME}"'


def test_reports_go_to_no_other_domain_which_would_have_to_allow_that() -> None:
    with serving({}) as server:
        found = domain.dmarc(Dns(server.address), HOME, "office@example.net")
    assert found.record == f'_dmarc.{HOME}. IN TXT "v=DMARC1; p=none"'


@pytest.mark.parametrize(
    ("zone", "verdict", "words"),
    [
        (
            {(HOME, "MX"): ["20 b.example.org.", "10 a.example.org."]},
            YES,
            "goes to a.example.org, b.example.org",
        ),
        ({(HOME, "MX"): ["0 ."]}, NO, "takes no mail"),
        ({(HOME, "A"): ["192.0.2.1"]}, UNKNOWN, "has no MX record"),
        ({(HOME, "AAAA"): ["2001:db8::1"]}, UNKNOWN, "has no MX record"),
        ({}, NO, "goes nowhere"),
    ],
)
def test_mx(zone: Zone, verdict: Verdict, words: str) -> None:
    with serving(zone) as server:
        found = domain.mx(Dns(server.address), HOME)
    assert found.verdict is verdict, found
    assert words in found.text
    assert found.record == ("" if verdict is YES else f"{HOME}. IN MX 10 mail.{HOME}.")


def test_alignment(signer: Signer) -> None:
    def said(envelope: str, by: Signer | None) -> Advice | None:
        return domain.alignment(HOME, envelope, by)

    assert said(HOME, None) is None
    assert said(f"bounces.{HOME}", None) is None
    assert said("example.net", signer) is None
    found = said("example.net", None)
    assert found is not None
    assert found.verdict is UNKNOWN
    assert "newsletter dkim new" in found.mend


def test_no_answer_is_told_once_and_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.doctor.dns.PATIENCE", 0.3)
    with silent() as address:
        names = Dns(address)
        for _ in range(20):
            with pytest.raises(Unanswered, match="is there a network"):
                names.texts(HOME)


def test_a_server_in_trouble_about_one_name_still_tells_of_others() -> None:
    with serving(txt(HOME, "hello"), "broken.example.org") as server:
        names = Dns(server.address)
        with pytest.raises(Unanswered, match="no answer about broken"):
            names.texts("broken.example.org")
        assert names.texts(HOME) == ["hello"]
        assert names.texts("nothing.example.org") == []
        assert names.texts(f"{'a' * 64}.example.org") == []


@pytest.mark.parametrize("server", ["dns.example.org", "9.9.9", "127.0.0.1:x", "127.0.0.1:99999", "::1"])
def test_what_is_no_address_of_a_dns_server(server: str) -> None:
    with pytest.raises(UsageError, match="no DNS server"):
        Dns(server)
