"""The walls of the house, proved from the imports, transitively."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "newsletter"
NETWORK = {"socket", "ssl", "smtplib", "asyncio", "http", "urllib.request", "ftplib", "imaplib", "aiosmtpd"}
DATABASE = {"sqlite3", "sqlite_utils"}
CLOCK = {"time"}
EFFECTS = {"store", "doctor", "deliver", "web", "cli", "data"} | {
    *("approval", "audience", "campaign", "composer", "home", "locks", "mailroom", "outbox", "trial"),
}
ONLY_IN = {
    "sqlite3": "newsletter.store",
    "sqlite_utils": "newsletter.store",
    "starlette": "newsletter.web",
    "uvicorn": "newsletter.web",
    "click": "newsletter.cli",
    "rich": "newsletter.cli",
    "jinja2": "newsletter.render",
    "premailer": "newsletter.render",
    "smtplib": "newsletter.deliver.smtp",
    "ssl": "newsletter.deliver",
    "dns": "newsletter.doctor.dns",
    "aiosmtpd": "newsletter.cli.catcher",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


@cache
def imports(module: str) -> frozenset[str]:
    """Every module that one imports, by its full name; only for types does not count."""
    found: set[str] = set()
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            source = node.module or ""
            found |= {
                f"{source}.{alias.name}" if f"{source}.{alias.name}" in MODULES else source
                for alias in node.names
            }
    return frozenset(found)


@cache
def reach(module: str) -> frozenset[str]:
    """Everything that a module imports, directly or through other modules of the package."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        for name in imports(waiting.pop()):
            if name not in seen:
                seen.add(name)
                if name in MODULES:
                    waiting.append(name)
    return frozenset(seen)


def touches(names: frozenset[str], library: str) -> bool:
    return any(name == library or name.startswith(f"{library}.") for name in names)


PURE = sorted(
    name
    for name in MODULES
    if name.count(".") >= 1 and name.split(".")[1] not in EFFECTS and not name.endswith("__main__")
)


def test_every_part_stands_in_the_house() -> None:
    house = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## The walls")[0]
    parts = {path.name for path in PACKAGE.glob("[a-z]*.py")} | {
        f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")
    }
    named = set(re.findall(r"`([a-z]+(?:\.py|/))`", house))
    assert parts - named == set()
    assert named - parts == {"data/"}


def test_the_package_was_read() -> None:
    assert len(MODULES) > 30
    assert "newsletter.stencil" in MODULES
    assert len(PURE) > 15


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_library_stays_behind_its_wall(module: str) -> None:
    for library, home in ONLY_IN.items():
        if touches(imports(module), library):
            assert module == home or module.startswith(f"{home}."), f"{module} imports {library}"


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_reaches_no_database_network_or_clock(module: str) -> None:
    for library in DATABASE | NETWORK | CLOCK:
        assert not touches(reach(module), library), f"{module} reaches {library}"
    for part in EFFECTS - {"data"}:
        assert not touches(reach(module), f"newsletter.{part}"), f"{module} reaches newsletter.{part}"


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_asks_for_no_moment(module: str) -> None:
    asked = [
        node.func
        for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    moments = [ast.unparse(name) for name in asked if name.attr in {"now", "today", "utcnow"}]
    assert not moments, f"{module} calls {moments}"


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("newsletter.web")])
def test_the_pages_send_nothing(module: str) -> None:
    assert not touches(reach(module), "newsletter.deliver")


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("newsletter.deliver")])
def test_deliver_knows_neither_store_nor_render(module: str) -> None:
    for part in ("store", "render", "approval", "campaign", "audience"):
        assert not touches(reach(module), f"newsletter.{part}")


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("newsletter.store")])
def test_store_knows_no_use_case(module: str) -> None:
    for part in ("deliver", "render", "approval", "campaign", "audience", "cli"):
        assert not touches(reach(module), f"newsletter.{part}")


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("newsletter.cli")])
def test_nobody_imports_the_command_line(module: str) -> None:
    assert module == "newsletter.__main__" or not touches(reach(module), "newsletter.cli")


@pytest.mark.parametrize("command", ["status", "journal", "report", "control", "resume", "unattended"])
def test_what_looks_at_sends_or_goes_on_with_them_starts_without_the_renderer(command: str) -> None:
    assert not touches(reach(f"newsletter.cli.{command}"), "newsletter.render")


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_config_reads_the_environment(module: str) -> None:
    text = MODULES[module].read_text(encoding="utf-8")
    assert module == "newsletter.config" or ("os.environ" not in text and "getenv" not in text)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_nothing_is_only_for_posix(module: str) -> None:
    text = MODULES[module].read_text(encoding="utf-8")
    for name in ("add_signal_handler", "os.fork", "fcntl", "os.kill(", "import pwd", "SIGALRM"):
        assert name not in text, f"{module} uses {name}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_broad_catches_stand_nowhere_but_to_clean_up_and_raise_again(module: str) -> None:
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler) and ast.unparse(node.body[-1]) != "raise":
            names = ast.unparse(node.type) if node.type else "everything"
            assert names not in {"Exception", "BaseException", "everything"}, f"{module}:{node.lineno}"
