"""The Mail port on SES, with a Jinja2 template of text and of HTML per kind of notice."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.aws_errors import reason_of
from chalicelib.domain.notices import Notice, NoticeFailedError

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from jinja2 import Environment

logger = Logger(child=True)
_CHARSET = "UTF-8"
#: What templates leave where they had nothing to say.
_EMPTY_LINES = re.compile(r"\n{3,}")


class MailTemplates:
    """Makes the words of a mail: `templates/mail/<kind>.txt` begins with the subject's line."""

    def __init__(self, templates_dir: Path, *, seller: str, page_url: str | None) -> None:
        self._folder = templates_dir / "mail"
        self._common = {"seller": seller, "page_url": page_url}

    def render(self, notice: Notice, *, name: str) -> tuple[str, str, str]:
        """Subject, text and HTML of the mail about a notice to somebody called `name`."""
        words = {
            **notice.data,
            **self._common,
            "name": name,
            "organization_id": notice.organization_id,
        }
        plain = self._environment.get_template(f"{notice.kind.value}.txt").render(words)
        html = self._environment.get_template(f"{notice.kind.value}.html").render(words)
        subject, _, text = plain.partition("\n")
        return " ".join(subject.split()), _EMPTY_LINES.sub("\n\n", text).strip() + "\n", html

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import (  # noqa: PLC0415 - heavy
            Environment,
            FileSystemLoader,
            StrictUndefined,
            select_autoescape,
        )

        return Environment(
            loader=FileSystemLoader(self._folder),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )


class SesMail:
    """The Mail port; `sender` is an address that SES knows to be ours."""

    def __init__(self, client: BaseClient, *, sender: str, templates: MailTemplates) -> None:
        self._client = client
        self._sender = sender
        self._templates = templates

    def send(self, notice: Notice, *, to: str, name: str) -> None:
        """See the port."""
        subject, text, html = self._templates.render(notice, name=name)
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": subject, "Charset": _CHARSET},
                        "Body": {
                            "Text": {"Data": text, "Charset": _CHARSET},
                            "Html": {"Data": html, "Charset": _CHARSET},
                        },
                    }
                },
                EmailTags=[{"Name": "notice", "Value": notice.id}],
            )
        except (BotoCoreError, ClientError) as error:
            # The use case tries again, whatever it was; an unverified sender is for people to see.
            logger.warning("A notice was not mailed", notice=notice.name, reason=reason_of(error))
            raise NoticeFailedError(f"{notice.id} was not mailed") from error
