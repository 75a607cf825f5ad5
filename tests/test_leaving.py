"""Requests to leave that came by mail or were pasted."""

from __future__ import annotations

import base64
import quopri
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import ListFileError
from newsletter.leaving import LeaveRequests, read_requests
from newsletter.links import Purpose, sign
from newsletter.models import Key

KEY = Key(id=1, purpose="token", secret=b"k" * 32, created=0)
TOKEN = sign(KEY, purpose=Purpose.LEAVE_AT_ONCE, subject=b"a" * 12, about=1)
OTHER = sign(KEY, purpose=Purpose.PREFERENCES, subject=b"b" * 12, about=1)


ENCODED = TOKEN.replace("_", "=5F")
SPLIT_SUBJECT = (
    f"From: a@example.org\nSubject: =?utf-8?q?unsubscribe_{ENCODED[:20]}?=\n =?utf-8?q?{ENCODED[20:]}?=\n"
    "To: x@example.org\n\n"
)


def read(data: str | bytes) -> LeaveRequests:
    return read_requests(data.encode() if isinstance(data, str) else data, name="leave.txt")


def who(found: LeaveRequests) -> list[str]:
    return [address.text for address in found.addresses]


def mail(
    subject: str = "unsubscribe", body: str = "", sender: str = "Jane Doe <jane@example.org>", **more: str
) -> bytes:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = more.pop("to", "news@example.com")
    message["Subject"] = subject
    message["Message-ID"] = "<1@example.org>"
    for name, value in more.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes(policy=SMTP)


def mbox(*mails: bytes) -> bytes:
    return b"".join(b"From - Mon Mar  2 10:00:00 2026\r\n" + one + b"\r\n\r\n" for one in mails)


# --- pasted ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a@example.org\nb@example.org\n",
        "a@example.org\r\nb@example.org",
        "a@example.org, b@example.org",
        "a@example.org; b@example.org;",
        "a@example.org b@example.org\ta@example.org",
        'Ann <a@example.org>, "Roe, Bob" <b@example.org>',
        "mailto:a@example.org\n\n  <b@example.org>",
        "\ufeffa@example.org|b@example.org\nA@Example.org",
        "* a@example.org (Ann)\n* b@example.org (Bob)",
    ],
)
def test_pasted_addresses_with_any_separators(text: str) -> None:
    found = read(text)
    assert who(found) == ["a@example.org", "b@example.org"]
    assert found.rejected == ()


def test_pasted_lines_that_are_no_addresses_are_told_with_their_line() -> None:
    found = read("Please remove:\na@example.org\nnot-an-address\nb@nowhere, c@example.org\n")
    assert who(found) == ["a@example.org", "c@example.org"]
    assert [(row.line, row.reason) for row in found.rejected] == [
        (1, "no @ in 'Please remove:'"),
        (3, "no @ in 'not-an-address'"),
        (4, "the part after the @ has no dot in 'b@nowhere'"),
    ]


def test_pasted_tokens_and_links_win_over_an_address_beside_them() -> None:
    found = read(f"{TOKEN}\njane@example.org https://news.example.org/u/{OTHER}\n{TOKEN}\n")
    assert found.tokens == (TOKEN, OTHER)
    assert who(found) == []


def test_addresses_in_old_code_pages_and_utf16_are_read() -> None:
    assert who(read("a@example.org\nRenée <b@example.org>\n".encode("cp1252"))) == [
        "a@example.org",
        "b@example.org",
    ]
    assert who(read("a@example.org\r\n".encode("utf-16"))) == ["a@example.org"]


# --- mails ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        mail(f"unsubscribe {TOKEN}"),
        mail(f"Re: UNSUBSCRIBE {TOKEN}", "Thank you"),
        mail("hello", to=f"leave+{TOKEN}@example.com"),
        mail("unsubscribe", f"unsubscribe {TOKEN}\n"),
        mail("unsubscribe", f"\n{TOKEN}\n\n-- \nJane"),
        mail("unsubscribe", sender="mallory@example.net", Delivered_To=f"leave+{TOKEN}@example.com"),
        SPLIT_SUBJECT.encode(),
        b"From: a@example.org\nSubject: =?utf-8?b?"
        + base64.b64encode(f"unsubscribe {TOKEN}".encode())
        + b"?=\nTo: x@example.org\n\n",
        b"From: a@example.org\nTo: x@example.org\nContent-Transfer-Encoding: base64\n\n"
        + base64.b64encode(TOKEN.encode()),
        b"From: a@example.org\nTo: x@example.org\nContent-Transfer-Encoding: quoted-printable\n\n"
        + quopri.encodestring(f"unsubscribe {TOKEN}".encode()),
    ],
)
def test_a_token_decides_whoever_sent_it(data: bytes) -> None:
    found = read(data)
    assert found.tokens == (TOKEN,)
    assert who(found) == []
    assert found.rejected == ()


@pytest.mark.parametrize(
    "data",
    [
        mail(),
        mail("Please take me off your list"),
        mail("=?broken", sender="jane@example.org"),
        mail(sender='"Doe, Jane" <jane@example.org>'),
        mail(sender="Jeanne Lefèvre <jane@example.org>", subject="désabonnement"),
        mail().replace(b"\r\n", b"\n"),
        b"\xef\xbb\xbf" + mail(),
        mbox(mail("anything")),
    ],
)
def test_without_a_token_the_sender_leaves(data: bytes) -> None:
    found = read(data)
    assert who(found) == ["jane@example.org"]
    assert (found.tokens, found.rejected) == ((), ())


@pytest.mark.parametrize(
    "body",
    [
        f"unsubscribe me\n\nOn Monday Bob wrote:\n> Leave: https://news.example.org/p/{OTHER}\n",
        f"unsubscribe\n\n-----Original Message-----\nunsubscribe {OTHER}\n",
        f"Stop this. It says https://news.example.org/p/{OTHER} but I will not click.",
        f"unsubscribe\n> {OTHER}\n",
    ],
)
def test_who_answers_a_forwarded_copy_never_acts_on_the_forwarder(body: str) -> None:
    found = read(mail("Re: Fwd: Image gently", body))
    assert found.tokens == ()
    assert who(found) == ["jane@example.org"]


def test_an_html_mail_is_read_without_its_quotation() -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "jane@example.org", "hello"
    message.set_content(f"<p>{TOKEN}</p><blockquote>{OTHER}</blockquote>", subtype="html")
    assert read(message.as_bytes()).tokens == (TOKEN,)


REPORT = (
    b"From: MAILER-DAEMON@example.net\nTo: news@example.com\nSubject: Undelivered\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
    b"--b\n\njane@example.org\n--b--\n"
)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (mail(Auto_Submitted="auto-replied"), "automatic reply"),
        (mail(Auto_Submitted="auto-generated; x=y"), "automatic reply"),
        (mail(f"unsubscribe {TOKEN}", Auto_Submitted="auto-replied"), "automatic reply"),
        (b"Return-Path: <>\r\n" + mail(), "return path is empty"),
        (REPORT, "delivery report"),
        (mail(sender="Postmaster <postmaster@example.net>"), "from a program"),
        (mail(X_Autoreply="yes"), "automatic reply"),
        (mail("Automatic reply: Image gently", "I am on leave until Monday."), "automatic reply"),
        (mail("Réponse automatique : Image gently", "Je suis absente."), "automatic reply"),
        (mail("Away", "I am on leave", X_Auto_Response_Suppress="DR, OOF, AutoReply"), "automatic reply"),
        (mail("Away", "I am on leave", X_Auto_Response_Suppress="All"), "automatic reply"),
        (mail("Away", "I am on leave", Precedence="auto_reply"), "Precedence: auto_reply"),
        (mail(Precedence="Bulk"), "Precedence: bulk"),
        (mail(Precedence="junk"), "Precedence: junk"),
        (mail(sender="a@example.org, b@example.org"), "names 2 senders"),
    ],
)
def test_bounces_and_automatic_replies_are_not_acted_on(data: bytes, says: str) -> None:
    found = read(data)
    assert (found.addresses, found.tokens) == ((), ())
    (row,) = found.rejected
    assert says in row.reason
    assert row.line == 1


def test_a_person_s_mail_that_says_it_is_no_automatic_one_counts() -> None:
    assert who(read(mail(Auto_Submitted="no"))) == ["jane@example.org"]
    assert who(read(b"Return-Path: <jane@example.org>\n" + mail())) == ["jane@example.org"]


def test_a_mailbox_takes_only_the_mails_that_ask() -> None:
    data = mbox(
        mail("Unsubscribe", sender="a@example.org"),
        mail(f"unsubscribe {TOKEN}", sender="b@example.org"),
        mail("A question about dose", "What is a low dose?\nFrom here on\n", sender="c@example.org"),
        mail("Hallo", "Bitte abmelden!", sender="d@example.org"),
        mail("unsubscribe", sender="e@example.org", Auto_Submitted="auto-replied"),
        mail("Désabonnement", sender="A@example.org"),
    )
    found = read(data)
    assert who(found) == ["a@example.org", "d@example.org"]
    assert found.tokens == (TOKEN,)
    question, automatic = found.rejected
    assert question.reason == "the mail from c@example.org ('A question about dose') does not ask to leave"
    assert data.split(b"\n")[question.line - 1].startswith(b"From - ")
    assert question.line < automatic.line


def only_mail(subject: str, body: str, *, html: bool = False) -> list[str]:
    """Who leaves by one mail among others."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "jane@example.org", "news@example.com", subject
    message.set_content(body, subtype="html" if html else "plain")
    return who(read(mbox(message.as_bytes(policy=SMTP), mail("Hello", "Nothing", sender="z@example.org"))))


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Hello", "Please remove me from your mailing list, thank you very much."),
        ("Hello", "Dear all,\nplease stop this\nThanks\nJane"),
        ("Stop", ""),
        ("Please delete my address", ""),
        ("Re: Image gently", "Leave"),
        ("Re: Image gently", "I would like to cancel my subscription to this, please."),
        ("Hola", "Por favor, quiero darme de baja de esta lista de correo."),
        ("Hallo", "Bitte nehmen Sie mich aus dem Verteiler, vielen Dank im Voraus."),
        ("", "إلغاء الاشتراك"),
        ("Hello", "I would like to leave this list, if that is possible."),
        ("Hallo", "Bitte streichen Sie mich aus Ihrer Liste, vielen Dank."),
        ("Hello", "How do I cancel?"),
        ("Remove me", "Thank you"),
        ("Hello", "Please remove jane@example.org from your mailing list"),
        ("Hello", "please remove this address from your list, thank you very much"),
        ("Hello", "I no longer wish to receive these."),
        ("Bonjour", "Je souhaite ne plus recevoir ces messages."),
        ("Bonjour", "Merci de me retirer de votre liste."),
        ("Hola", "No deseo recibir más mensajes."),
        ("Hallo", "Bitte aus der Liste streichen."),
        ("Привет", "Отпишите меня"),
        ("Hello", "I could not unsubscribe by your link."),
        ("Hello", "I can't unsubscribe by your link, please help"),
        ("Hello", "I signed up by mistake, please unsubscribe me."),
    ],
)
def test_a_mail_among_others_that_asks_to_leave(subject: str, body: str) -> None:
    assert only_mail(subject, body) == ["jane@example.org"]


@pytest.mark.parametrize(
    "body",
    [
        "Please never stop sending these. I leave them in the waiting room.",
        "Please never stop these",
        "Does the exposure stop when I remove the collimator?",
        "Do we have to wait, and does the exposure really stop when\nI remove the collimator?",
        "We cancelled the course; its participants will read this instead.",
        "Una dosis baja es siempre mejor para los pacientes.",
        "I am on annual leave",
        "When does it stop?",
        "Your cancelled appointment",
        "Cancel our meeting",
        "Maternity leave",
        "Stop radiation campaign",
        "Please delete the second picture",
        "Please do not unsubscribe me!",
        "I did not unsubscribe! Please put me back.",
        "I was unsubscribed by mistake, please add me again.",
        "Do not remove me!",
        "Bitte nicht abmelden!",
        "Ne me désinscrivez pas",
        "I don't want to unsubscribe",
        "Ich habe mich versehentlich abgemeldet",
        "Nice!\n\nFrom: A\nSent: Monday\nTo: B\nSubject: C\n\nUnsubscribe",
        "Nice!\n\nVon: A\nGesendet: Montag\nAn: B\nBetreff: C\n\nAbmelden",
        "Merci\n\nDe : A\nEnvoyé : lundi\nÀ : B\nObjet : C\n\nSe désabonner",
        "Nice!\n\n*From:* A <a@example.net>\n*Date:* Monday\n\nUnsubscribe",
        "شكرا\n\nمن: A\nتم الإرسال: B\n\nإلغاء الاشتراك",
    ],
)
@pytest.mark.parametrize("html", [False, True])
def test_a_mail_among_others_that_only_speaks_with_such_words(body: str, html: bool) -> None:
    shown = f"<html><head><title>x</title></head><body>{body.replace(chr(10), '<br>')}</body></html>"
    assert only_mail("Re: When to stop", shown if html else body, html=html) == []


@pytest.mark.parametrize(
    ("body", "leaves"),
    [
        ("<head><style>p {}</style></head><p>Please <b>un</b>subscribe me</p>", True),
        ("<p>Does the <b>exposure</b> stop when <i>I</i> leave the room?</p>", False),
        ("<p>Je veux me d&eacute;sabonner</p><blockquote>Thanks</blockquote>", True),
        ("<p>Thanks</p><blockquote><style>p {}</style><p>Unsubscribe</p></blockquote>", False),
    ],
)
def test_html_is_read_by_its_blocks(body: str, leaves: bool) -> None:
    assert only_mail("Hello", body, html=True) == ["jane@example.org"] * leaves


def test_who_asked_is_told_with_the_subject_of_the_mail() -> None:
    found = read(
        mbox(
            mail("Please  unsubscribe", sender="A@example.org"),
            mail(f"unsubscribe {TOKEN}"),
            mail("", "unsubscribe", sender="b@example.org"),
        )
    )
    assert found.subjects == {
        "a@example.org": "Please unsubscribe",
        TOKEN: f"unsubscribe {TOKEN}"[:60],
        "b@example.org": "(no subject)",
    }
    assert read("a@example.org").subjects == {}


def test_an_outlook_message_is_an_error_in_words() -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504 + "__substg1.0_0037001F".encode("utf-16-le")
    with pytest.raises(ListFileError, match="msg"):
        read(data)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_asks_for_nothing(data: bytes) -> None:
    assert read(data) == LeaveRequests(addresses=(), tokens=(), rejected=())


def test_a_mail_nested_a_thousand_times_is_read_by_its_header() -> None:
    data = b"From: jane@example.org\nSubject: unsubscribe\n"
    for n in range(1500):
        data += b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n)
    assert who(read(data)) == ["jane@example.org"]


def test_a_header_of_any_length_is_that_of_a_mail() -> None:
    everybody = ",\r\n ".join(f"p{n}@example.org" for n in range(5_000))
    assert who(read(b"To: " + everybody.encode() + b"\r\n" + mail())) == ["jane@example.org"]
    assert who(read(b"To: " + everybody.replace("\r\n", "").encode() + b"\n" + mail())) == [
        "jane@example.org"
    ]


def test_a_header_with_a_broken_line_is_never_read_as_pasted_addresses() -> None:
    found = read("To: a@example.org,\nb@example.org, c@example.org\nFrom: jane@example.org\n\nunsubscribe\n")
    assert who(found) == []
    assert [row.reason for row in found.rejected] == ["the mail names 0 senders, not one"]


def test_pasted_lines_that_look_like_fields_further_down_are_no_mail() -> None:
    assert who(read("a@example.org\nFrom: b@example.org\nTo: c@example.org\n")) == [
        "a@example.org",
        "b@example.org",
        "c@example.org",
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"From: jane@example.org\nDate: today\nContent-Type: text/html\n\n" + b"<" * 300_000,
        b"From: jane@example.org\nDate: today\nSubject: " + b"=?a?q?x" * 40_000 + b"\n\n",
        b"From: jane@example.org\nDate: today\n\n" + b"on " * 100_000,
    ],
)
def test_a_mail_of_many_openings_is_read_in_one_pass(data: bytes) -> None:
    assert who(read(data)) == ["jane@example.org"]


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "From",
                "To",
                "Subject",
                "Auto-Submitted",
                "Return-Path",
                "Content-Type",
                "Content-Transfer-Encoding",
            ]
        ),
        st.text(max_size=30)
        | st.sampled_from(
            [
                "a@example.org",
                "=?utf-8?b?####?=",
                "=?x-none?q?=FF?=",
                "multipart/mixed; boundary=x",
                "text/plain; charset=x-none",
                "text/html; charset=utf-7",
                "base64",
                "uuencode",
                "quoted-printable",
            ]
        ),
    ),
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(
    HEADERS,
    st.binary(max_size=120) | st.sampled_from([b"--x\n\n--x--", b"begin 644 x\n#!!!\n"]),
    st.booleans(),
)
def test_no_mail_breaks_the_reader(headers: list[tuple[str, str]], body: bytes, boxed: bool) -> None:
    head = "From: a@example.org\nDate: today\n" + "".join(f"{name}: {value}\n" for name, value in headers)
    data = head.encode("utf-8", "surrogatepass") + b"\n" + body
    found = read_requests(mbox(data, data) if boxed else data, name="leave.eml")
    assert all(row.reason and row.line >= 1 for row in found.rejected)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_requests_or_an_error_in_words(data: bytes) -> None:
    for head in (b"", b"From x\n", b"From: a@example.org\nTo: b@example.org\n"):
        try:
            read_requests(head + data, name="leave.txt")
        except ListFileError as error:
            assert str(error)
