"""Whole sends through the command line and a real relay: once to each, whatever the relay does."""

from __future__ import annotations

import email
import email.policy
import re
import sys
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from tests.cli.conftest import SETTINGS, Box
from tests.deliver.relay import Do, ScriptedRelay, Step

Named = Callable[[int], Box]
PEOPLE = [f"sample.{n:03d}@example.net" for n in range(300)]


def opened(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)


def test_three_hundred_people_get_one_copy_each_and_a_second_run_sends_nothing(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        told = box.send()
        assert "300 people" in told.stdout
        assert Counter(m.rcpt_to[0] for m in relay.taken) == Counter(PEOPLE)
        assert box.status()["sent"] == 300
        again = box.send()
        assert "Everybody" in again.stderr
        assert len(relay.taken) == 300
    mails = [opened(taken.data) for taken in relay.taken]
    assert len({mail["Message-ID"] for mail in mails}) == 300
    for mail, taken in zip(mails, relay.taken, strict=True):
        assert taken.mail_from == "news@example.org"
        assert mail["To"].addresses[0].addr_spec == taken.rcpt_to[0]
        assert mail["From"].addresses[0].display_name == "Sample News"
        assert mail["Reply-To"].addresses[0].addr_spec == "office@example.org"
        assert mail["List-Id"].endswith("<sample.1234.localhost>")
        assert re.fullmatch(
            r"<mailto:office@example\.org\?subject=unsubscribe%20AQ[\w-]{52}>", mail["List-Unsubscribe"]
        )
        assert mail["List-Unsubscribe-Post"] is None
        assert mail["List-Help"] == "<mailto:office@example.org>"
        assert mail["Feedback-ID"]
        assert mail["Message-ID"].endswith("@example.org>")
        assert mail.get_content_type() == "multipart/alternative"


def test_notifications_of_failures_name_the_delivery_and_nobody(relayed: Named) -> None:
    with ScriptedRelay(extensions=("PIPELINING", "DSN")).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:3])
        box.send()
    rows = {row["message_id"] for row in box.json("deliveries", "short")}
    envelopes = [line for line in relay.commands if line.startswith("MAIL")]
    asked = {line for line in relay.commands if line.startswith("RCPT")}
    assert asked == {f"RCPT TO:<{one}> NOTIFY=FAILURE ORCPT=rfc822;{one}" for one in PEOPLE[:3]}
    assert all("sample." not in line for line in envelopes)
    named = set(re.findall(r" RET=HDRS ENVID=\d+-([0-9a-f]{32})$", "\n".join(envelopes), re.MULTILINE))
    assert named == {identity.strip("<>").partition("@")[0] for identity in rows}


def test_a_send_logs_in_with_tokens_that_a_command_prints_and_gets_a_new_one_in_time(box: Box) -> None:
    box.write("access.py", "f = open('count', 'a'); f.write('x'); f.flush(); print(f'token-{f.tell()}')")
    tokens: list[str] = []

    def script(step: Step) -> str | None:
        if step.verb != "AUTH":
            return None
        tokens.append(b64decode(step.argument.split()[1]).decode().split("Bearer ")[1].rstrip("\x01"))
        old = len(tokens) > 2 and tokens[-1] == "token-1"
        return "535 5.7.8 token expired" if old else "235 2.7.0 ok"

    with ScriptedRelay(script, extensions=("PIPELINING", "AUTH XOAUTH2")).in_thread() as relay:
        box.write(
            "newsletter.toml",
            f"{SETTINGS}[smtp]\nurl = 'smtp://127.0.0.1:{relay.port}'\nuser = 'news@example.org'\n"
            f"token_command = ['{sys.executable}', 'access.py']\n"
            "connections = 1\nmessages_per_connection = 10\n",
        )
        box.fill(PEOPLE[:30])
        box.send()
    assert Counter(relay.recipients) == Counter(PEOPLE[:30])
    assert tokens == ["token-1", "token-1", "token-1", "token-2"]


def test_addresses_that_want_smtputf8_are_foretold(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["rené@example.net", "ana@münchen.example", "ana@example.net"])
        for told in (box.send("--dry-run").stdout, box.send(exit_code=0).stdout):
            assert "letters like é or م before the @: 1." in told
        assert box.status()["skipped"] == 1
        box.fill(["bo@example.net"])
        assert "SMTPUTF8" not in box.send("--dry-run").stdout


def test_with_live_pages_a_copy_has_one_click_and_its_own_link(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.environ["NEWSLETTER_BASE_URL"] = "https://news.example.org"
        box.fill(PEOPLE[:3])
        box.send()
    bodies = set()
    for taken in relay.taken:
        mail = opened(taken.data)
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        header = re.search(r"<https://news\.example\.org/u/([\w-]{54})>", mail["List-Unsubscribe"])
        html = mail.get_body(("html",))
        assert header and html
        body = re.search(r"https://news\.example\.org/p/([\w-]{54})", html.get_content())
        assert body and body[1] != header[1]
        assert header[1] not in html.get_content()
        bodies.add(body[1])
    assert len(bodies) == 3


def test_a_reader_reaches_the_way_out_by_the_token_of_the_header(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:2])
        box.send()
    mail = opened(relay.taken[0].data)
    token = re.search(r"AQ[\w-]{52}", mail["List-Unsubscribe"])
    assert token
    request = f"From: other@example.com\nTo: office@example.org\nSubject: unsubscribe {token[0]}\n\n"
    box.write("request.eml", request)
    assert "1 unsubscribed" in box.run("subscribers", "unsubscribe", "--from", "request.eml").stderr
    person = box.json("subscribers", "show", relay.taken[0].rcpt_to[0])
    assert person["state"] == "unsubscribed"
    assert person["lists"] == {"dentists": "left"}
    box.fill(PEOPLE[:2])
    assert box.json("subscribers", "show", relay.taken[0].rcpt_to[0])["state"] == "unsubscribed"


def test_whoever_leaves_while_it_runs_gets_nothing_more(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:20])
        box.send("--limit", "5", exit_code=1)
        assert len(relay.taken) == 5
        left = next(a for a in PEOPLE[:20] if a not in {m.rcpt_to[0] for m in relay.taken})
        box.run("subscribers", "unsubscribe", left)
        box.send()
    assert left not in {m.rcpt_to[0] for m in relay.taken}
    assert len(relay.taken) == 19
    assert box.status()["skipped"] == 1
    row = box.json("deliveries", "short", "--state", "skipped")[0]
    assert (row["email"], row["state"]) == (left, "skipped")
    assert "unsubscribed" in row["reason"]


def test_whoever_joins_later_gets_it_at_the_next_run_and_nobody_twice(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:5])
        box.send()
        box.fill(PEOPLE[:8])
        assert "3 people" in box.run("send", "short", "--to", "dentists", "--dry-run").stdout
        box.send()
    assert Counter(m.rcpt_to[0] for m in relay.taken) == Counter(PEOPLE[:8])


def test_a_restore_names_the_send_that_it_cut_short_and_how_to_go_on(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:8])
        box.run("backup", "before.db")
        box.send("--limit", "3", exit_code=1)
        told = box.run("restore", "before.db", "--yes").stderr
        assert "'short' to dentists is younger than the backup, and 5 people had not got it yet" in told
        assert "newsletter send short --to dentists" in told
        box.send()
    assert Counter(m.rcpt_to[0] for m in relay.taken) == Counter(PEOPLE[:8])


@pytest.mark.parametrize(
    ("verb", "reply", "state", "exit_code"),
    [
        ("RCPT", "451 4.7.1 greylisted", "deferred", 1),
        ("RCPT", "452 4.2.2 mailbox full", "deferred", 1),
        ("RCPT", "550 5.1.1 no such user", "failed", 1),
        ("RCPT", "550 5.7.1 message refused by local policy", "deferred", 1),
        ("RCPT", "550 5.1.0 Sender address rejected: sender verify failed", "deferred", 1),
        ("RCPT", "550 5.7.1 undeliverable: the next host said: 550 Relaying denied", "deferred", 1),
        ("END", "451 4.3.0 try later", "deferred", 1),
        ("END", "554 5.6.0 message refused", "failed", 1),
        ("END", Do.TAKE_AND_HANG_UP, "unknown", 1),
    ],
)
def test_one_odd_answer_concerns_one_person(
    relayed: Named, verb: str, reply: str | Do, state: str, exit_code: int
) -> None:
    odd = PEOPLE[3]

    def script(step: Step) -> str | Do | None:
        return reply if step.verb == verb and odd in f"{step.rcpt_to} {step.argument}" else None

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:8])
        box.send("--no-wait", exit_code=exit_code)
        found = box.status()
        assert (found["sent"], found[state]) == (7, 1), found
        row = box.json("deliveries", "short", "--state", state)[0]
        assert row["email"] == odd
        assert row["attempts"] == 1
        if isinstance(reply, str):
            assert f"{row['code']} {row['enhanced']}" == reply[:9]
        before = len(relay.taken)
        box.send("--no-wait", exit_code=exit_code)
        assert len(relay.taken) == before
    bounced = box.json("subscribers", "show", odd)["state"] == "bounced"
    assert bounced == (isinstance(reply, str) and "5.1.1" in reply)


def test_a_relay_that_refuses_everybody_costs_nobody_their_place(relayed: Named) -> None:
    people = [f"sample.{n:03d}@d{n % 9}.example.net" for n in range(120)]
    broken = {"now": True}

    def script(step: Step) -> str | None:
        refuses = broken["now"] and len(relay.taken) >= 30
        return "550 5.1.1 <them>: no such user" if step.verb == "RCPT" and refuses else None

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(people)
        told = box.send(exit_code=1)
        assert "domains in a row could not be reached" in told.stderr
        found = box.status()
        assert found["failed"] == 0
        assert found["sent"] + found["planned"] + found["deferred"] == 120
        assert "bounced" not in box.run("subscribers", "export").stdout
        broken["now"] = False
        box.send("--no-wait", exit_code=1)
        waiting = box.json("deliveries", "short", "--state", "deferred")
        assert all("in case your mail server is at fault" in row["reason"] for row in waiting)
        had = [message.rcpt_to[0] for message in relay.taken]
        assert sorted([*had, *(row["email"] for row in waiting)]) == people


def test_the_unknown_ones_are_decided_by_a_person(relayed: Named) -> None:
    hang_up = {"now": True}

    def script(step: Step) -> Do | None:
        return (
            Do.TAKE_AND_HANG_UP if step.verb == "END" and hang_up["now"] and "000" in step.rcpt_to else None
        )

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:4])
        box.send(exit_code=1)
        assert box.status()["unknown"] == 1
        assert "nobody can say" in box.run("status", "short").stdout
        hang_up["now"] = False
        box.run("resolve", "short", "--unknown", "resend", "--yes")
        assert box.status()["planned"] == 1
        box.send()
        assert box.status()["sent"] == 4
    ids = [opened(m.data)["Message-ID"] for m in relay.taken if m.rcpt_to[0] == PEOPLE[0]]
    assert len(ids) == 2
    assert len(set(ids)) == 1, "the same Message-ID in every attempt"


def test_a_refusal_of_the_sender_pauses_and_marks_nobody(relayed: Named) -> None:
    full = {"now": True}

    def script(step: Step) -> str | None:
        return "550 5.4.5 Daily sending limit exceeded" if step.verb == "MAIL" and full["now"] else None

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:6])
        told = box.send(exit_code=1)
        assert "Paused" in told.stderr
        assert box.status()["planned"] == 6
        assert "limit" in box.run("status", "short").stdout
        full["now"] = False
        box.send()
        assert box.status()["sent"] == 6
        assert len(relay.taken) == 6


def test_three_refused_in_a_row_pause_the_send(relayed: Named) -> None:
    with ScriptedRelay(lambda s: "554 5.7.9 spam" if s.verb == "END" else None).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:100])
        assert "Paused" in box.send(exit_code=1).stderr
        assert box.status()["planned"] > 80
        assert not relay.taken


def test_killed_anywhere_and_run_again_nobody_gets_two_and_nobody_none(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        for enough in (1, 20, 60, 100):
            sender = box.start("send", "short", "--to", "dentists", "--yes")
            deadline = time.monotonic() + 20
            while len(relay.taken) < enough:
                assert time.monotonic() < deadline and sender.poll() is None
                time.sleep(0.002)
            sender.kill()
            sender.communicate()
        box.send(exit_code=None)
        found = box.status()
    copies = Counter(m.rcpt_to[0] for m in relay.taken)
    assert max(copies.values()) == 1, "somebody got two"
    assert found["sent"] + found["unknown"] == 300
    assert found["unknown"] <= 4 * 64
    sent = {row["email"] for row in box.json("deliveries", "short", "--state", "sent")}
    assert sent <= copies.keys(), "somebody counts as sent who got none"
    unknown = {row["email"] for row in box.json("deliveries", "short", "--state", "unknown")}
    assert copies.keys() - sent <= unknown


def test_a_second_sender_is_told_who_is_sending(relayed: Named) -> None:
    slow = ScriptedRelay(lambda s: Do.SILENCE if s.verb == "END" else None)
    with slow.in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:5])
        first = box.start("send", "short", "--to", "dentists", "--yes")
        deadline = time.monotonic() + 20
        while box.run("status", "short", exit_code=None).stdout.count("running, by process") == 0:
            assert time.monotonic() < deadline
        told = box.send(exit_code=1)
        assert f"by process {first.pid}" in told.stderr
        first.kill()
        first.communicate()
        assert "broken off" in box.run("status", "short").stdout


def test_a_test_copy_counts_for_nobody_and_its_links_do_nothing(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.run("send", "short", "--test", "me@example.com")
        assert [m.rcpt_to for m in relay.taken] == [("me@example.com",)]
        assert not re.search(rb"AQ[\w-]{52}", relay.taken[0].data)
        assert not (box.folder / "subscribers.db").exists()


def test_a_dry_run_writes_and_sends_nothing(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:3])
        assert "3 people" in box.run("send", "short", "--to", "dentists", "--dry-run").stdout
        assert not relay.taken
    assert "never sent" in box.run("status", "short", exit_code=2).stderr


def test_what_was_approved_is_sent_although_the_files_change(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:6])
        box.send("--limit", "2", exit_code=1)
        text = (box.folder / "issues/short/en.md").read_text(encoding="utf-8")
        box.write("issues/short/en.md", text.replace("says hello", "says goodbye"))
        assert "have changed" in box.send("--limit", "2", exit_code=1).stderr
        box.write("issues/short/en.md", "---\nbroken")
        assert "approved" in box.send("--limit", "1", exit_code=1).stderr
        box.write("issues/short/en.md", text.replace("says hello", "says goodbye"))
        box.send("--amend")
    said = [b"says goodbye" in m.data for m in relay.taken]
    assert said == [False] * 5 + [True]


@pytest.mark.parametrize(
    "name", ["Ana\r\nBcc: all@example.com", "\"><script>alert(1)</script>&'", "Ana\u202eexe.gpj", "{{ 7*7 }}"]
)
def test_a_hostile_name_reaches_no_header_and_is_no_markup(relayed: Named, name: str) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        quoted = name.replace('"', '""')
        box.write("people.csv", f'email,name\nana@example.net,"{quoted}"\n')
        box.run("subscribers", "import", "people.csv", "--list", "dentists", "--source", "x", "--yes")
        box.send()
    mail = opened(relay.taken[0].data)
    assert mail.get_all("Bcc") is None
    assert len(mail.get_all("To", [])) == 1
    html = mail.get_body(("html",))
    assert html is not None
    content = html.get_content()
    assert "<script" not in content
    assert "\u202e" not in content
    assert "49" not in mail["Subject"]
