"""The Documents port on S3: each name is written once, and read by presigned links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from botocore.client import BaseClient

#: S3 refuses a second write under a name, or meets two at the same moment.
_WRITTEN_BEFORE = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class S3Documents:
    """The Documents port."""

    def __init__(self, client: BaseClient, *, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_once(self, name: str, content: bytes, *, content_type: str) -> None:
        """See the port."""
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=content,
                ContentType=content_type,
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _WRITTEN_BEFORE:
                raise

    def get(self, name: str) -> bytes:
        """See the port."""
        try:
            stored = self._client.get_object(Bucket=self._bucket, Key=name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise LookupError(f"nothing is stored as {name}") from error
            raise
        content: bytes = stored["Body"].read()
        return content

    def link(self, name: str, *, file_name: str, content_type: str, expires_in_seconds: int) -> str:
        """See the port. The browser is told to save it, under a name that people understand."""
        url: str = self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": name,
                "ResponseContentDisposition": f'attachment; filename="{file_name}"',
                "ResponseContentType": content_type,
            },
            ExpiresIn=expires_in_seconds,
        )
        return url
