"""S3 in memory: names are written once or again, versions are kept, links are opaque."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from simulation.cloud.errors import refusal
from simulation.cloud.wire import Answer, Params

_PAGE = 1000
_LINK = "memory://s3"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One version of an object; a marker of its deletion has no content."""

    version: str
    content: bytes | None
    content_type: str
    metadata: Mapping[str, str]
    stored_at: datetime

    @property
    def tag(self) -> str:
        """Its ETag."""
        return f'"{md5(self.content or b"", usedforsecurity=False).hexdigest()}"'


class MemoryS3:
    """Buckets by name, and whether each keeps versions."""

    name = "s3"

    def __init__(self, buckets: Mapping[str, bool], *, now: Callable[[], datetime]) -> None:
        self._versioned = dict(buckets)
        self._objects: dict[str, dict[str, list[StoredObject]]] = {name: {} for name in buckets}
        self._now = now
        self._count = 0
        self._calls: dict[str, Callable[[Params], Answer]] = {
            "DeleteObject": self._delete,
            "GetObject": self._get,
            "HeadObject": self._head,
            "ListObjectVersions": self._list_versions,
            "ListObjectsV2": self._list,
            "PutObject": self._put,
        }

    def operations(self) -> Iterable[str]:
        """See `Service`."""
        return self._calls

    def completed(self, operation: str, params: Params) -> Params:
        """See `Service`. A stream could be read only once, so that a second try sent nothing."""
        body = params.get("Body")
        if operation == "PutObject" and body is not None and hasattr(body, "read"):
            return {**params, "Body": body.read()}
        return params

    def call(self, operation: str, params: Params) -> Answer:
        """See `Service`."""
        if params["Bucket"] not in self._objects:
            raise refusal(
                "NoSuchBucket",
                "The specified bucket does not exist",
                operation=operation,
                status=404,
            )
        answer = self._calls[operation](params)
        answer["ResponseMetadata"] = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
        return answer

    @property
    def buckets(self) -> dict[str, bool]:
        """The buckets, and whether each keeps versions."""
        return dict(self._versioned)

    def objects(self, bucket: str) -> dict[str, bytes]:
        """The current content of every object, by name."""
        return {
            name: current.content
            for name in sorted(self._objects[bucket])
            if (current := self._current(bucket, name)) is not None and current.content is not None
        }

    def versions(self, bucket: str, name: str) -> list[StoredObject]:
        """All versions of an object, oldest first."""
        return list(self._objects[bucket].get(name, ()))

    def link(self, operation: str, params: Params, *, expires_in_seconds: int) -> str:
        """What `generate_presigned_url` answers; nobody can follow it."""
        asked = {**params, "expires": expires_in_seconds, "operation": operation}
        return f"{_LINK}/{params['Bucket']}/{params['Key']}?{urlencode(asked)}"

    def _current(self, bucket: str, name: str) -> StoredObject | None:
        versions = self._objects[bucket].get(name)
        if not versions or versions[-1].content is None:
            return None
        return versions[-1]

    def _put(self, params: Params) -> Answer:
        bucket, name = params["Bucket"], params["Key"]
        current = self._current(bucket, name)
        wanted = params.get("IfMatch")
        exists = "IfNoneMatch" in params and current is not None
        if exists or (wanted is not None and (current is None or current.tag != wanted)):
            raise refusal(
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
                operation="PutObject",
                status=412,
            )
        body = params.get("Body", b"")
        content = body.encode() if isinstance(body, str) else bytes(body)
        stored = self._store(
            bucket,
            name,
            content,
            content_type=params.get("ContentType", "binary/octet-stream"),
            metadata=params.get("Metadata", {}),
        )
        return {"ETag": stored.tag, **self._version_of(bucket, stored)}

    def _store(
        self,
        bucket: str,
        name: str,
        content: bytes | None,
        *,
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> StoredObject:
        self._count += 1
        stored = StoredObject(
            version=f"version-{self._count:08d}" if self._versioned[bucket] else "null",
            content=content,
            content_type=content_type,
            metadata=dict(metadata or {}),
            stored_at=self._now(),
        )
        if self._versioned[bucket]:
            self._objects[bucket].setdefault(name, []).append(stored)
        else:
            self._objects[bucket][name] = [stored]
        return stored

    def _delete(self, params: Params) -> Answer:
        bucket, name = params["Bucket"], params["Key"]
        if "VersionId" in params:
            versions = self._objects[bucket].get(name, [])
            self._objects[bucket][name] = [v for v in versions if v.version != params["VersionId"]]
            return {"VersionId": params["VersionId"]}
        if not self._versioned[bucket]:
            self._objects[bucket].pop(name, None)
            return {}
        return {"DeleteMarker": True, "VersionId": self._store(bucket, name, None).version}

    def _find(self, params: Params, operation: str) -> StoredObject:
        bucket, name = params["Bucket"], params["Key"]
        found = self._current(bucket, name)
        if "VersionId" in params:
            wanted = params["VersionId"]
            versions = self._objects[bucket].get(name, ())
            found = next((each for each in versions if each.version == wanted), None)
        if found is not None:
            return found
        if operation == "HeadObject":
            raise refusal("404", "Not Found", operation=operation, status=404)
        raise refusal(
            "NoSuchKey",
            "The specified key does not exist.",
            operation=operation,
            status=404,
        )

    def _get(self, params: Params) -> Answer:
        found = self._find(params, "GetObject")
        content = found.content or b""
        return {**self._described(params["Bucket"], found), "Body": BytesIO(content)}

    def _head(self, params: Params) -> Answer:
        return self._described(params["Bucket"], self._find(params, "HeadObject"))

    def _described(self, bucket: str, found: StoredObject) -> Answer:
        return {
            "ETag": found.tag,
            "ContentLength": len(found.content or b""),
            "ContentType": found.content_type,
            "LastModified": found.stored_at.replace(microsecond=0),
            "Metadata": dict(found.metadata),
            **self._version_of(bucket, found),
        }

    def _version_of(self, bucket: str, stored: StoredObject) -> dict[str, str]:
        return {"VersionId": stored.version} if self._versioned[bucket] else {}

    def _list(self, params: Params) -> Answer:
        bucket, prefix = params["Bucket"], params.get("Prefix", "")
        after = params.get("ContinuationToken") or params.get("StartAfter", "")
        names = [n for n in self.objects(bucket) if n.startswith(prefix) and n > after]
        size = min(params.get("MaxKeys", _PAGE), _PAGE)
        page = names[:size]
        answer: Answer = {"KeyCount": len(page), "IsTruncated": len(names) > size, "Name": bucket}
        if page:
            answer["Contents"] = [self._listed(bucket, name) for name in page]
        if len(names) > size:
            answer["NextContinuationToken"] = page[-1]
        return answer

    def _listed(self, bucket: str, name: str) -> dict[str, Any]:
        found = self._objects[bucket][name][-1]
        described = self._described(bucket, found)
        return {
            "Key": name,
            "ETag": found.tag,
            "Size": described["ContentLength"],
            "LastModified": described["LastModified"],
        }

    def _list_versions(self, params: Params) -> Answer:
        bucket, prefix = params["Bucket"], params.get("Prefix", "")
        versions = [
            {"Key": name, "VersionId": each.version, "IsLatest": each is held[-1]}
            for name, held in sorted(self._objects[bucket].items())
            if name.startswith(prefix)
            for each in reversed(held)
            if each.content is not None
        ]
        return {"IsTruncated": False, **({"Versions": versions} if versions else {})}
