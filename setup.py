"""Packs the sample issue, which stands in issues/ only, into the program as newsletter/data/sample/."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SAMPLE = Path("issues") / "image-gently-in-dentistry"


class BuildWithSample(build_py):
    """An editable installation needs no copy: newsletter/sample.py finds the clone's own folder."""

    def run(self) -> None:
        """Builds the package and copies the sample into it."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "newsletter" / "data" / "sample" / SAMPLE.name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(SAMPLE, target)

    def get_source_files(self) -> list[str]:
        """What a source archive holds."""
        return [*super().get_source_files(), *(str(file) for file in sorted(SAMPLE.iterdir()))]


setup(cmdclass={"build_py": BuildWithSample})
