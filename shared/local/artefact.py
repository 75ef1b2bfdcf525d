"""The build of what is deployed, cached by the contents of its sources."""

import fcntl
import hashlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from shared.packaging import build

CACHE = build.ROOT / ".build"


@dataclass(frozen=True, slots=True)
class Artefact:
    """The directories that Lambda would unpack: the functions' code, and the layer."""

    code: Path
    layer: Path


def artefact() -> Artefact:
    """Build what is deployed, or return the cached build."""
    recipe = Path(build.__file__)
    return Artefact(
        code=_cached("code", [recipe, *build.sources()], build.code),
        layer=_cached("layer", [recipe, build.ROOT / "uv.lock"], _layer),
    )


def _layer(target: Path) -> None:
    # The layer has extension modules for Linux. On another system this machine's are added.
    platforms = build.PLATFORMS if sys.platform == "linux" else (*build.PLATFORMS, build.HERE)
    build.dependencies(target / "python", platforms)


def _cached(name: str, inputs: Iterable[Path], make: Callable[[Path], None]) -> Path:
    target = CACHE / f"{name}-{_digest(inputs)}"
    CACHE.mkdir(exist_ok=True)
    # Of several processes one builds, and the others wait for it.
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            unfinished = Path(mkdtemp(dir=CACHE))
            make(unfinished)
            unfinished.rename(target)
    return target


def _digest(inputs: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(inputs):
        digest.update(
            str(path.relative_to(build.ROOT)).encode() + b"\0" + path.read_bytes() + b"\0"
        )
    return digest.hexdigest()[:16]
