"""Distributions as pip installs them: a folder with metadata, entry points and modules."""

from collections.abc import Mapping
from pathlib import Path


def make_distribution(
    folder: Path,
    name: str,
    *,
    version: str = "1.2.3",
    entry_points: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str],
) -> Path:
    """Write one into `folder`, which then belongs on `sys.path`; give the folder.

    `entry_points` are groups of names and their `module:attribute`, `modules` are source texts.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = (
        f"[{group}]\n" + "".join(f"{point} = {value}\n" for point, value in points.items())
        for group, points in entry_points.items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text, encoding="utf-8")
    return folder
