"""What the heading of a column means, in the spellings and languages that lists come with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import IntEnum
from functools import cache
from typing import Final

from newsletter.letters import without_accents

RESERVED: Final = frozenset(
    {"email", "name", "language", "country", "list", "tag"}
    | {"leave_url", "preferences_url", "public_url", "join_url", "share_url"}
)
"""Attribute keys that would hide a field or a segment's key of the program's own."""


class Role(IntEnum):
    """What a column holds; MAYBE_EMAIL has a heading like `Work e-mail`, TITLE may also be of an office."""

    OTHER = 0
    EMAIL = 1
    MAYBE_EMAIL = 2
    NAME = 3
    FIRST_NAME = 4
    LAST_NAME = 5
    NAME_OR_FIRST = 6
    NAME_OR_LAST = 7
    LANGUAGE = 8
    COUNTRY = 9
    TITLE = 10


_SPELLINGS: Final = {
    Role.EMAIL: """
        email, e mail, mail, emails, email address, e mail address, mail address, email
        adress, email id, emailaddress, emailadresse, mailadresse, primary email, contact
        email, user email, subscriber email, courriel, adresse courriel, adresse email,
        adresse e mail, adresse mail, mel, adresse electronique, adresse de courriel,
        adresse de messagerie, correo, correo electronico, direccion de correo, direccion de
        correo electronico, correo e, direccion de email, direccion email, e mail adresse,
        email adresse, mail adresse, emailanschrift, elektronische adresse, endereco de
        email, endereco de e mail, endereco eletronico, correio eletronico, correio
        electronico, posta, posta elettronica, indirizzo email, indirizzo e mail, indirizzo
        mail, indirizzo di posta elettronica, e mailadres, emailadres, mailadres, e post,
        epost, e postadress, epostadress, e postadresse, epostadresse, e mailadresse,
        sahkoposti, sahkopostiosoite, adres email, adres e mail, poczta, poczta
        elektroniczna, emailova adresa, e mailova adresa, posta elektronicka, e mail cim,
        emailcim, email cim, adresa de email, adresa email, adresa e mail, e posta, eposta,
        e posta adresi, e pasts, el pastas, elektronska posta, elektronicka posta, email
        adresa, e mail adresa, имейл, электронная почта, почта, эл почта, адрес электронной
        почты, e mail адрес, електронна пошта, пошта, ηλεκτρονικο ταχυδρομειο, البريد
        الالكتروني, البريد الإلكتروني, بريد الكتروني, بريد إلكتروني, البريد, الايميل,
        الإيميل, ايميل, ایمیل, پست الکترونیک, דואר אלקטרוני, דואל, אימייל, 电子邮件, 电子邮箱, 邮箱,
        電子郵件, メール, メールアドレス, 이메일, 이메일 주소, อีเมล, ईमेल, thu dien tu, surel, alamat email,
        barua pepe""",
    Role.NAME: """
        full name, fullname, complete name, display name, contact name, contact, member,
        member name, name surname, name and surname, first and last name, first name last
        name, recipient, your name, nom complet, nom et prenom, nom prenom, prenom et nom,
        prenom nom, noms et prenoms, nombre completo, nombre y apellido, nombre y apellidos,
        nombres y apellidos, apellidos y nombre, apellido y nombre, nome completo, nome e
        sobrenome, nome e cognome, cognome e nome, nominativo, vollstandiger name, vor und
        nachname, vorname nachname, vorname und nachname, name vorname, nachname vorname,
        ansprechpartner, kontakt, naam, volledige naam, navn, fullt navn, fulde navn, namn,
        fullstandigt namn, nimi, koko nimi, imie i nazwisko, nazwisko i imie, jmeno a
        prijmeni, prijmeni a jmeno, meno a priezvisko, nev, teljes nev, nume si prenume,
        nume complet, ime i prezime, ime in priimek, ad soyad, adi soyadi, isim, vards
        uzvards, имя и фамилия, фамилия имя, фио, полное имя, ονοματεπωνυμο, ονομα, الاسم,
        اسم, الاسم الكامل, الإسم, نام, שם, שם מלא, 姓名, 名字, 氏名, お名前, 名前, 이름, 성명, ชื่อ, नाम,
        ho ten, ho va ten, nama""",
    Role.FIRST_NAME: """
        first name, firstname, first names, fname, given name, given names, givenname,
        forename, forenames, christian name, prenom, prenoms, vorname, vornamen, rufname,
        primer nombre, primeiro nome, voornaam, fornavn, fornamn, etunimi, imie, krestni
        jmeno, krstne meno, keresztnev, utonev, prenume, имя, имена, ім'я, الاسم الاول,
        الاسم الأول, שם פרטי, 名""",
    Role.LAST_NAME: """
        last name, lastname, last names, lname, surname, surnames, family name, familyname,
        familienname, nachname, zuname, nom de famille, noms de famille, apellido,
        apellidos, primer apellido, sobrenome, apelido, ultimo nome, cognome, achternaam,
        familienaam, etternavn, efternavn, efternamn, sukunimi, nazwisko, prijmeni,
        priezvisko, vezeteknev, csaladnev, nume de familie, prezime, priimek, soyad, soyadi,
        soyisim, фамилия, прізвище, επωνυμο, اسم العائلة, اللقب, الكنية, שם משפחה, 姓""",
    Role.NAME_OR_FIRST: "nombre, nombres, nome, ad, adi, jmeno, meno, ime",
    Role.NAME_OR_LAST: "name, names, nom, noms, nume",
    Role.LANGUAGE: """
        language, languages, lang, preferred language, language preference, correspondence
        language, mailing language, language code, locale, langue, langues, langue preferee,
        langue de correspondance, idioma, idiomas, idioma preferido, lengua, sprache,
        sprachen, korrespondenzsprache, bevorzugte sprache, lingua, lingua preferita, taal,
        voorkeurstaal, sprak, sprog, kieli, jezyk, jazyk, nyelv, limba, jezik, dil, язык,
        мова, γλωσσα, اللغة, لغة, زبان, שפה, 语言, 語言, 言語, 언어, ภาษา, भाषा, ngon ngu, bahasa""",
    Role.COUNTRY: """
        country, countries, country code, country region, country name, country of
        residence, country of work, nation, iso, iso2, iso code, iso country, iso country
        code, pays, pays region, code pays, pays de residence, pais, pais region, codigo de
        pais, land, lander, staat, landercode, landerkurzel, land region, paese, nazione,
        landcode, maa, kraj, panstwo, zeme, krajina, stat, orszag, tara, zemlja, drzava,
        ulke, страна, країна, χωρα, الدولة, دولة, البلد, بلد, کشور, מדינה, ארץ, 国家, 國家, 国,
        国名, 국가, 나라, ประเทศ, देश, quoc gia, negara, nchi""",
    Role.TITLE: """
        title, titles, academic title, academic titles, personal title, salutation, honorific,
        prefix, name prefix, titre, titres, civilite, anrede, titel, akademischer titel, grad,
        akad grad, akademischer grad, titulo, titulos, tratamiento, tratamento, titolo, titoli,
        aanhef, aanspreektitel, tittel, tytul, tytul naukowy, titul, tituly, cim, titlu, titula,
        titule, naziv, unvan, arvo, oppiarvo, обращение, ученая степень, звание, титул, τιτλος, اللقب
        العلمي, لقب, תואר, 称谓, 职称, 敬称, 호칭, คำนำหน้า, danh xung, gelar""",
}
_GREETINGS: Final = """
    hi hello dear hallo liebe lieber liebes sehr guten bonjour bonsoir cher chere chers hola querida querido
    estimada estimado ciao cara caro gentile ola prezada prezado hej beste geachte please bitte merci gracias
    thanks danke مرحبا السلام عزيزي"""
_LETTER_WORDS: Final = frozenset(_GREETINGS.split())
_SENTENCE_ENDS: Final = tuple(".:!?…。：؟")
_MAIL_WORDS: Final = re.compile(r"\b(?:e ?mail|mail|courriel|correo|epost|e post|البريد|ايميل)\b")
_NOT_ADDRESSES: Final = re.compile(
    r"\b(?:status|opt|optin|optout|consent|type|date|sent|count|format|permission|opened|clicked|valid|verified"
    r"|allowed|subscribed|domain|campaign|list|notes?|merge|marketing|preferences?|frequency|bounced?|name|at|on)\b"
)


def role(heading: str) -> Role:
    """Tell what a column with this heading holds."""
    folded = _folded(heading)
    known = _known().get(folded)
    if known is not None:
        return known
    if _MAIL_WORDS.search(folded) and not _NOT_ADDRESSES.search(folded) and len(folded) <= 40:
        return Role.MAYBE_EMAIL
    return Role.OTHER


def recognised(cells: Iterable[str]) -> int:
    """How many cells are headings that are known."""
    return sum(len(cell) <= 80 and "@" not in cell and role(cell) is not Role.OTHER for cell in cells)


def is_prose(cells: Iterable[str]) -> bool:
    """Whether a row is a sentence of a letter, parted at its commas, and no heading."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    words = " ".join(filled).split()
    if len(words) < 2 or any(role(cell) not in {Role.OTHER, Role.MAYBE_EMAIL} for cell in filled):
        return False
    ends = [cell.endswith(_SENTENCE_ENDS) for cell in filled]
    return begins_letter(words[0]) or (len(words) > 2 and ends[-1] and not any(ends[:-1]))


def begins_letter(word: str) -> bool:
    """Whether letters begin with this word, and names do not."""
    return _folded(word) in _LETTER_WORDS


def attribute_key(heading: str) -> str:
    """`Job title` -> `job_title`: case-folded, `_` for blanks, letters and digits only; else empty.

    A key never begins with a digit and is never one of RESERVED; the heading `Tag` means the key `tags`.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", heading).casefold())
    words = re.sub(r"[^\w]+", "_", re.sub(r"['’]", "", folded)).strip("_")
    key = re.sub(r"__+", "_", words)[:60].rstrip("_")
    if key in {"tag", "tags"}:
        return "tags"
    if key[:1].isdigit():
        return f"_{key}"
    return f"{key}_2" if key in RESERVED else key


def is_reserved(heading: str) -> bool:
    """Whether the heading as it stands would hide something of the program's own."""
    return attribute_key(heading).removesuffix("_2") in RESERVED


@cache
def _known() -> dict[str, Role]:
    return {
        _folded(spelling): known
        for known, spellings in _SPELLINGS.items()
        for spelling in spellings.split(",")
        if spelling.strip()
    }


def _folded(heading: str) -> str:
    """Case, accents, punctuation, remarks in brackets and asterisks make no difference."""
    bare = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", " ", heading.casefold())
    letters = "".join(c if c.isalnum() or c in "'’" else " " for c in without_accents(bare))
    return " ".join(letters.replace("'", "").replace("’", "").split())
