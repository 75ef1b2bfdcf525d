"""Builds what is deployed: the functions' code, and their dependencies as a layer.

It is run by its path and uses only the standard library, so that nothing needs to be installed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("functions", "shared")
NOT_DEPLOYED = (".pyc", ".md")
DEVELOPMENT = ("local", "packaging")
# Extension modules carry the platform in their file names, so one layer serves both processors.
PLATFORMS = ("aarch64-manylinux_2_28", "x86_64-manylinux_2_28")
# The platform of this machine.
HERE = ""
SBOM = "sbom.cdx.json"
# What inscriptis has for its command, which fetches pages; it and what only it needs are left out.
# botocore would load one of these, and trust what that trusts.
NOT_NEEDED = "requests"
# The package that brings Swagger UI, of which only a few files are served.
VIEWER = "flask-swagger-ui"
# AWS services that the functions call: boto3's data about all others is left out.
SERVICES = frozenset(
    {"dynamodb", "events", "pinpoint-sms-voice-v2", "s3", "secretsmanager", "sesv2", "sqs"}
)


def sources() -> list[Path]:
    """Return the files that are deployed."""
    return [
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file()
        and path.suffix not in NOT_DEPLOYED
        and path.relative_to(ROOT / package).parts[0] not in DEVELOPMENT
    ]


def code(target: Path) -> None:
    """Copy the functions and the code that they share into `target`, and compile them."""
    for source in sources():
        copy = target / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    # Other content is what publishes versions, which other values of parameters do not.
    if release := os.environ.get("RELEASE"):
        (target / "RELEASE").write_text(release)
    _compile(target)


def dependencies(target: Path, platforms: tuple[str, ...] = PLATFORMS) -> None:
    """Install the locked dependencies into `target`, without data of AWS services not called.

    Write the SBOM beside `target`, so that it is in the layer.
    """
    with tempfile.TemporaryDirectory() as scratch:
        locked = Path(scratch, "requirements.txt")
        _export("--output-file", str(locked))
        for index, platform in enumerate(platforms):
            installed = Path(scratch, str(index))
            _install(locked, installed, platform)
            shutil.copytree(installed, target, dirs_exist_ok=True)
    _prune(target)
    _compile(target)
    sbom(target.parent)


def sbom(target: Path) -> None:
    """Write the SBOM of the layer's packages into `target`, as CycloneDX.

    It has no timestamp and no serial number, so that the same lock file gives the same SBOM.
    https://cyclonedx.org/docs/1.5/json/
    """
    file = target / SBOM
    options = ("--preview-features", "sbom-export", "--format", "cyclonedx1.5")
    _export(*options, "--output-file", str(file))
    document = json.loads(file.read_text())
    del document["serialNumber"], document["metadata"]["timestamp"]
    for component in document["components"]:
        if component["name"] == VIEWER:
            component["components"] = [_swagger_ui(component["version"])]
    file.write_text(json.dumps(document, indent=2))


def _swagger_ui(version: str) -> dict[str, Any]:
    """Return the SBOM's component of Swagger UI, which a package of the same version brings."""
    name = "swagger-ui-dist"
    return {
        "type": "library",
        "bom-ref": f"{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:npm/{name}@{version}",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }


def _export(*options: str) -> None:
    """Write what the lock file has for deployed functions."""
    _uv("export", "--frozen", "--no-dev", "--no-emit-project", "--prune", NOT_NEEDED, *options)


def _install(locked: Path, target: Path, platform: str) -> None:
    _uv(
        *("pip", "install", "--requirement", str(locked), "--target", str(target)),
        *("--python", sys.executable, "--python-version", "3.13"),
        *(("--python-platform", platform) if platform != HERE else ()),
        *("--no-deps", "--only-binary", ":all:", "--require-hashes", "--link-mode", "copy"),
    )


def _prune(target: Path) -> None:
    shutil.rmtree(target / "bin", ignore_errors=True)
    for data in (target / "botocore/data", target / "boto3/data"):
        for service in data.iterdir():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)


def _compile(target: Path) -> None:
    # Archives do not keep modification times, so a .pyc checked against its source's is never used.
    options = ["-q", "-j", "0", "-s", str(target), "--invalidation-mode", "unchecked-hash"]
    subprocess.run([sys.executable, "-m", "compileall", *options, str(target)], check=True)


def _uv(*arguments: str) -> None:
    subprocess.run(["uv", "--quiet", *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    {"code": code, "dependencies": dependencies, "sbom": sbom}[sys.argv[1]](Path(sys.argv[2]))
