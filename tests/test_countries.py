"""Countries as people write them."""

from __future__ import annotations

import pytest

from newsletter.countries import country_code, country_name


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("FR", "FR"),
        ("deu", "DE"),
        (" Côte d'Ivoire ", "CI"),
        ("Bosnia & Herzegovina", "BA"),
        ("États-Unis", "US"),
        ("U.S.A.", "US"),
        ("Schweiz", "CH"),
        ("日本", "JP"),
        ("Norge", "NO"),
        ("SVERIGE", "SE"),
        ("Ελλάδα", "GR"),
        ("Magyarország", "HU"),
        ("ישראל", "IL"),
        ("भारत", "IN"),
        ("대한민국", "KR"),
        ("Atlantis", ""),
        ("EU", ""),
        (" - ", ""),
        ("", ""),
    ],
)
def test_a_country_as_people_write_it(written: str, code: str) -> None:
    assert country_code(written) == code


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("GB", "Großbritannien|Grossbritannien|Britain|بريطانيا|Angleterre|England, UK|UK (England)"),
        ("GB", "United Kingdom of Great Britain and Northern Ireland|Ireland (Northern)"),
        ("SA", "السعودية|KSA|Kingdom of Saudi Arabia|Saudi|المملكة العربية السعودية"),
        ("AE", "VAE|EAU|E.A.U.|Emirates|الإمارات|الامارات|United Arab Emirates (the)"),
        ("AT", "Oesterreich|Republik Österreich"),
        ("DE", "BRD|Bundesrepublik Deutschland|Federal Republic of Germany|Deutschland (DE)"),
        ("CH", "Schweiz / Suisse|CH - Schweiz|Swiss Confederation|Suisse/Schweiz/Svizzera"),
        ("BE", "Belgique/België|Belgien/Belgium"),
        ("CD", "DR Congo|RDC|Congo, The Democratic Republic of the|République démocratique du Congo"),
        ("CD", "Democratic Republic of the Congo|Congo (Democratic Republic)|Congo (Kinshasa)"),
        ("CG", "Congo|Congo, Republic of the|République du Congo"),
        ("KR", "Korea, Republic of|Republic of Korea|Korea (Republic of)|Suedkorea|République de Corée"),
        ("KP", "Korea, Democratic People's Republic of|Democratic People’s Republic of Korea|Korea (North)"),
        ("CN", "PR China|PRC|People's Republic of China"),
        ("TW", "Taiwan, Province of China|Republic of China"),
        ("HK", "China, Hong Kong Special Administrative Region|Hong Kong SAR"),
        ("IR", "Iran (Islamic Republic of)|Iran, Islamic Republic of|Islamic Republic of Iran"),
        ("SY", "Syrian Arab Republic|الجمهورية العربية السورية"),
        ("EG", "Arab Republic of Egypt|جمهورية مصر العربية|Aegypten"),
        ("TZ", "United Republic of Tanzania|Tanzania, United Republic of"),
        ("BO", "Bolivia, Plurinational State of|Bolivia (Plurinational State of)"),
        ("VE", "Venezuela (Bolivarian Republic of)|República Bolivariana de Venezuela"),
        ("PS", "State of Palestine|Palestine, State of"),
        ("MD", "Moldova, Republic of|Republic of Moldova"),
        ("MK", "The former Yugoslav Republic of Macedonia|Republic of North Macedonia"),
        ("LA", "Lao People's Democratic Republic"),
        ("FM", "Micronesia (Federated States of)"),
        ("NL", "Netherlands, Kingdom of the|Niederlande (Holland)"),
        ("FR", "République française"),
        ("VA", "Holy See (Vatican City State)"),
        (
            "",
            "Republic of|United|Germany / France|Georgia (USA)|USA, California|Democratic Republic|( )|/|,,",
        ),
    ],
)
def test_everyday_and_official_names(code: str, written: str) -> None:
    names = written.split("|")
    assert {name: country_code(name) for name in names} == dict.fromkeys(names, code)


def test_what_a_country_is_called() -> None:
    assert country_name("CH", "fr") == "Suisse"
    assert country_name("??") == "??"
