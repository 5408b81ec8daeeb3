"""An emulated AWS without the application around it, for tests that bring their own caller."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.aws import Cloud, create_resources, settings_of
from devstack.crew import Crew, free_url
from devstack.faults import Faults
from devstack.layout import aws_plan, faults_plan
from devstack.settings import CHECKOUT

FIRST_ACCOUNT = 200_000_000_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the emulator with the template's resources in it, empty.

    `environment` makes the application use it: `AWS_*`, and what the template gives to all
    functions. Tables and queues are known by their logical ids in `physical_ids`.
    """

    cloud: Cloud
    variables: dict[str, str]
    physical_ids: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """What the application reads."""
        return {**self.variables, **self.cloud.environment()}


class Emulator(Crew):
    """ministack, alone or with a fault proxy in front; every account in it is separate."""

    def __init__(self, *, home: Path, with_faults: bool = False) -> None:
        super().__init__(home=home)
        self._url = free_url()
        self._faults_url = free_url() if with_faults else ""
        self._accounts = itertools.count(FIRST_ACCOUNT)

    def __enter__(self) -> Emulator:
        try:
            self.prepare()
            self.launch([aws_plan(self._url, folder=self.folder)])
            if self._faults_url:
                self.launch([faults_plan(self._faults_url, upstream=self._url)])
            for name in self.parts:
                self.wait_for(name)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def faults(self) -> Faults:
        """The fault proxy, if there is one."""
        return Faults(url=self._faults_url)

    def empty_account(self) -> Cloud:
        """Return a new account with nothing in it, reached past the fault proxy."""
        return Cloud(endpoint_url=self._url, account_id=str(next(self._accounts)))

    def account(
        self,
        *,
        given: Mapping[str, str] | None = None,
        root: Path = CHECKOUT,
        visibility_timeout_seconds: int | None = None,
    ) -> Account:
        """Return a new account with the resources of `root`'s template.

        The variables of `given` come before the template's. What the account's `environment`
        says goes by way of the fault proxy, where there is one; the resources were created past it.
        """
        cloud = self.empty_account()
        variables = create_resources(
            cloud,
            settings_of(root),
            given=given or (),
            visibility_timeout_seconds=visibility_timeout_seconds,
        )
        return Account(
            cloud=Cloud(endpoint_url=self._faults_url or self._url, account_id=cloud.account_id),
            variables={**variables, **(given or {})},
            physical_ids=cloud.physical_ids(),
        )
