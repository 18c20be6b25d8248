"""How large the project's images are, unpacked, and what takes the room."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath

from tests.bench.figures import Figure
from tests.e2e.cluster.images import Builder, Image

MB = 10**6
MOST_MB = {"worker": 450, "operator": 200}
_SHOWN = 6
# `numpy.libs` holds what numpy's wheel brings of others' libraries.
_PACKAGE = re.compile(r"/site-packages/(\w+)")
_INTERPRETER = re.compile(r"^usr/(local/)?(bin/python3|lib/(python3|[^/]+/libpython3))")


def measure_images(builder: Builder, images: list[Image]) -> list[Figure]:
    """The figures of those of the images that have a limit."""
    return [
        _figure(builder, image, name, most)
        for name, most in MOST_MB.items()
        for image in images
        if f"/{name}:" in image.name
    ]


def _figure(builder: Builder, image: Image, name: str, most: int) -> Figure:
    rooms: Counter[str] = Counter()
    for path, size in builder.unpacked(image):
        rooms[_part(path)] += size
    whole = rooms.total() / MB
    parts = ", ".join(f"{part} {size / MB:.0f}" for part, size in rooms.most_common(_SHOWN))
    return Figure(
        f"{name} image, unpacked", f"under {most} MB", f"{whole:.0f} MB: {parts}", whole < most
    )


def _part(path: str) -> str:
    """What a file of an image belongs to, in a word or two."""
    package = _PACKAGE.search(path)
    if package is not None:
        return package[1]
    plain = str(PurePosixPath(path))
    return "Python" if _INTERPRETER.match(plain) else "Debian"
