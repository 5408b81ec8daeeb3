"""One history twice: in memory alone, and over memory and another in lockstep."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from simulation.cloud import MemoryCloud
from simulation.replay.account import Second, second_aws
from simulation.replay.comparing import LAW, Comparing
from simulation.replay.dynamodb import TwiceDynamoDb
from simulation.replay.engines import Engine
from simulation.replay.s3 import TwiceS3
from simulation.replay.streams import compare_streams
from simulation.run import History, Plan, run
from simulation.world import Violation, World


@dataclass(slots=True, kw_only=True)
class Replayed:
    """How a history went in lockstep; `history` has the story, and each difference as a law's."""

    history: History
    comparing: Comparing


def replay(plan: Plan, engine: Engine, *, tells: bool = False) -> Replayed:
    """Run a history in memory, then in lockstep, and compare all that is left in the end."""
    alone = run(plan)
    like = World(plan.seed).cloud
    with second_aws(engine.empty_account(), like, documents=engine.documents) as second:
        worlds: list[TwiceWorld] = []

        def make(seed: int, *, muted: frozenset[tuple[str, int]], tells: bool) -> World:
            worlds.append(
                TwiceWorld(seed, muted=muted, tells=tells, second=second, name=engine.name)
            )
            return worlds[-1]

        history = run(plan, tells=tells, make=make)
        (world,) = worlds
        if not history.failed:
            _compare_end(world, history, alone)
    return Replayed(history=history, comparing=world.comparing)


class TwiceWorld(World):
    """A world whose tables, and documents where it has any, are another engine's, too."""

    def __init__(
        self,
        seed: int,
        *,
        muted: frozenset[tuple[str, int]],
        tells: bool,
        second: Second,
        name: str,
    ) -> None:
        self.second = second
        self.s3: TwiceS3 | None = None
        self.comparing = Comparing(engine=name, tell=lambda story: self.violated(LAW, story))
        super().__init__(seed, muted=muted, tells=tells)

    def new_cloud(self) -> MemoryCloud:
        """See `World`."""
        cloud = super().new_cloud()
        self.dynamodb = TwiceDynamoDb(
            cloud.dynamodb.schemas.values(),
            choices=self.weakness,
            now=self.now,
            client=self.second.dynamodb,
            comparing=self.comparing,
        )
        cloud.dynamodb = self.dynamodb
        if self.second.s3 is not None:
            self.s3 = TwiceS3(
                cloud.s3.buckets, now=self.now, client=self.second.s3, comparing=self.comparing
            )
            cloud.s3 = self.s3
        return cloud


def _compare_end(world: TwiceWorld, history: History, alone: History) -> None:
    try:
        world.dynamodb.compare_state()
        if world.s3 is not None:
            world.s3.compare_state()
        compare_streams(world.dynamodb, world.second.streams, world.comparing)
    except Exception:
        history.crash = traceback.format_exc()
    if not history.violations and history.digest != alone.digest:
        detail = (
            f"every answer was alike, and yet {history.steps} steps came to {history.digest}, "
            f"and in memory alone {alone.steps} steps to {alone.digest}"
        )
        history.violations.append(
            Violation(law=LAW, detail=detail, at=world.scheduler.now, step=history.steps)
        )
