"""The sample issue that a new project begins with: the repository's own first one."""

from __future__ import annotations

from pathlib import Path

SLUG = "image-gently-in-dentistry"


def sample_files(package: Path = Path(__file__).parent) -> dict[str, bytes]:
    """The files of the sample issue: path inside a project (with /) and bytes, sorted by path.

    An installed program has them beside its templates (setup.py puts them there), a clone in its own issues/
    folder. `package` is the program's own folder.
    """
    installed = package / "data" / "sample" / SLUG
    folder = installed if installed.is_dir() else package.parent / "issues" / SLUG
    return {f"issues/{SLUG}/{file.name}": file.read_bytes() for file in sorted(folder.iterdir())}
