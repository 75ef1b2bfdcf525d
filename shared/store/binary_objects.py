"""The objects that are the bytes of Binaries: store one, read it, or let a client do so by a URL.

An object's key is the tenant and the id of its Binary. Each version of a Binary that has bytes of
its own is a version of the object.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError

from shared.errors import Conflict, Deleted, Forbidden
from shared.settings import settings
from shared.store import s3
from shared.store.records import StoredFile

_STORE = "The store of Binaries"
# Enough to follow a redirect, and too short to pass a URL on.
DOWNLOAD_SECONDS = 60
# Until an upload must have begun.
UPLOAD_SECONDS = 900
# S3's own limit for one request.
LARGEST_UPLOAD = 5 * 1024**3
# What the bucket deletes after one to two days: template.yaml has a rule for this tag.
UNFINISHED = "upload=unfinished"
# What GuardDuty finds in an object, as a tag of it:
# https://docs.aws.amazon.com/guardduty/latest/ug/monitor-enable-s3-object-tagging-malware-protection.html
_SCAN_TAG, _HARMLESS = "GuardDutyMalwareScanStatus", "NO_THREATS_FOUND"
# S3 says so only to callers who may list the bucket; to others it says 403. A HEAD has no code.
_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchVersion"})


class Upload(NamedTuple):
    """A file that a client is going to send to S3, or has sent: S3 keeps all of this with it.

    `sha256` is in hexadecimal digits. `context` is the reference of the security context, or empty.
    """

    maker: str
    content_type: str
    size: int
    sha256: str
    name: str = ""
    context: str = ""


def put(tenant: str, binary_id: str, body: bytes) -> StoredFile:
    """Store bytes for a Binary, and return their file, without maker and name. Raises Busy.

    S3 compares the bytes with their hash.
    """
    key, digest = _key(tenant, binary_id), sha256(body)
    checksum = b64encode(digest.digest()).decode()
    answer = _call(s3.client().put_object, Key=key, Body=body, ChecksumSHA256=checksum)
    version = str(answer.get("VersionId", ""))
    return StoredFile("", key, version, len(body), digest.hexdigest())


def discard(file: StoredFile) -> None:
    """Delete the bytes of a version that was not written. Raises Busy."""
    _call(s3.client().delete_object, **_object(file))


def get(file: StoredFile, first: int = 0, last: int | None = None) -> bytes:
    """Return the bytes from `first` to `last`, both included, or all of them.

    Raises Deleted and Busy.
    """
    if not file.size:
        return b""
    end = file.size - 1 if last is None else last
    content = _call(s3.get_object, **_object(file), Range=f"bytes={first}-{end}")
    # A server may ignore the range: https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    return content[first : end + 1] if len(content) > end + 1 - first else content


def download_url(
    file: StoredFile, media_type: str, disposition: str, seconds: int = DOWNLOAD_SECONDS
) -> str:
    """Return a URL that gives the bytes, with these headers, to whoever has it, for so long."""
    return _presigned_url(
        "get_object",
        seconds,
        **_object(file),
        ResponseContentType=media_type,
        ResponseContentDisposition=disposition,
        ResponseCacheControl="no-store",
    )


def upload_url(tenant: str, binary_id: str, upload: Upload) -> tuple[str, dict[str, str]]:
    """Return a URL to which a client sends a file by PUT, and the headers that it must send.

    S3 takes only a file of that size, hash and type, and only with these headers.
    """
    key = _key(tenant, binary_id)
    said = {"maker": _maker_hash(key, upload.maker), "name": upload.name, "context": upload.context}
    metadata = {name: quote(value, safe="") for name, value in said.items() if value}
    headers = {
        "Content-Type": upload.content_type,
        "x-amz-checksum-sha256": b64encode(bytes.fromhex(upload.sha256)).decode(),
        "x-amz-tagging": UNFINISHED,
        **{f"x-amz-meta-{name}": value for name, value in metadata.items()},
    }
    url = _presigned_url(
        "put_object",
        UPLOAD_SECONDS,
        Key=key,
        ContentType=upload.content_type,
        ContentLength=upload.size,
        ChecksumSHA256=headers["x-amz-checksum-sha256"],
        Tagging=UNFINISHED,
        Metadata=metadata,
    )
    return url, headers


def _presigned_url(method: str, seconds: int, **parameters: Any) -> str:
    parameters["Bucket"] = settings().binary_bucket
    sign = s3.client().generate_presigned_url
    url: str = s3.call(_STORE, sign, ClientMethod=method, Params=parameters, ExpiresIn=seconds)
    return url


def _maker_hash(key: str, maker: str) -> str:
    """Return what S3 keeps of an upload's maker: it shows that to everybody who gets the file."""
    return sha256(f"{key}/{maker}".encode()).hexdigest()


def uploaded(tenant: str, binary_id: str, maker: str) -> tuple[Upload, StoredFile] | None:
    """Return what was said of a file that a maker has sent to S3, and the file as `put` does.

    Returns None if the maker has sent none. Raises Busy.
    """
    key = _key(tenant, binary_id)
    try:
        head = _call(s3.client().head_object, Key=key, ChecksumMode="ENABLED")
    except Deleted:
        return None
    said = {name: unquote(value) for name, value in head.get("Metadata", {}).items()}
    if not maker or said.pop("maker", "") != _maker_hash(key, maker):
        return None
    digest = b64decode(head.get("ChecksumSHA256", "")).hex()
    size = int(head["ContentLength"])
    upload = Upload(maker, head["ContentType"], size, digest, **said)
    return upload, StoredFile("", key, str(head.get("VersionId", "")), size, digest)


def keep(file: StoredFile) -> None:
    """Keep an uploaded file, which would be deleted within two days otherwise.

    Where files are scanned, the result must be there: it is a tag, too. Raises Conflict and Busy.
    """
    if not settings().malware_scan:
        _call(s3.client().delete_object_tagging, **_object(file))
        return
    tags = [{"Key": _SCAN_TAG, "Value": _scan_result(file)}]
    _call(s3.client().put_object_tagging, **_object(file), Tagging={"TagSet": tags})


def require_harmless(file: StoredFile) -> None:
    """Raise Forbidden unless a file's scan has found nothing, where files are scanned.

    Raises Conflict if it has not been scanned yet, and Busy.
    """
    if settings().malware_scan and (result := _scan_result(file)) != _HARMLESS:
        raise Forbidden("The file is not shown", diagnostics=f"Its scan for malware says {result}")


def _scan_result(file: StoredFile) -> str:
    answer = _call(s3.client().get_object_tagging, **_object(file))
    tags = {tag["Key"]: str(tag["Value"]) for tag in answer["TagSet"]}
    if _SCAN_TAG not in tags:
        raise Conflict(
            "The file has not been scanned for malware yet", diagnostics="Try again in a minute"
        )
    return tags[_SCAN_TAG]


def _key(tenant: str, binary_id: str) -> str:
    return f"{tenant}/{binary_id}"


def _object(file: StoredFile) -> dict[str, str]:
    version = {"VersionId": file.object_version} if file.object_version else {}
    return {"Key": file.key, **version}


def _call[T](call: Callable[..., T], **request: Any) -> T:
    """Make a call. Raises Deleted if the object or its version is not there, and Busy."""
    try:
        return s3.call(_STORE, call, Bucket=settings().binary_bucket, **request)
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            raise Deleted("The content of the file is deleted") from None
        raise
