"""The clients: they start executions and answer them by every channel, and ask again when they do not know."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import Final, TypeAlias
from urllib.parse import quote

import aiohttp

from chaos.ledger import Attempt, Ledger, Life
from chaos.machines import Said
from statebox.asl.jsontext import InvalidJson, Json, read_json, write_json_text
from statebox.engine.errors import ServiceUnavailable
from statebox.store.commits import Commits
from statebox.store.keys import Keys
from statebox.store.replies import items, maybe_text, strings, text
from tests.durability.world import World

_PROTOCOL: Final = {"Content-Type": "application/x-amz-json-1.0"}
_PATIENCE_SECONDS: Final = 4.0
_KEPT: Final = 202
_POLL_SECONDS: Final = 0.15
# How often a published answer is looked for before it is given over HTTP.
_PUBLISHED_SECONDS: Final = 1.5

# What came back: the status and the body; None when nobody knows.
Told: TypeAlias = tuple[int, Json] | None

# The channels of an answer; those with a key may be repeated safely.
SAFE: Final = ("http", "http", "operation")
UNSAFE: Final = ("publish", "publish", "api", "seed")


class Clients:
    """All who use the daemons. `dice` are the seed's."""

    def __init__(
        self,
        world: World,
        http: aiohttp.ClientSession,
        ledger: Ledger,
        reads: Commits,
        keys: Keys,
        dice: random.Random,
    ) -> None:
        self._world = world
        self._http = http
        self._ledger = ledger
        self._reads = reads
        self._keys = keys
        self._dice = dice
        self._known: set[str] = set()
        # Of each execution that is answered early: set when that is over.
        self._early: dict[str, asyncio.Event] = {}

    async def live(self, life: Life, after: float) -> None:
        """Start an execution at its time, and give the answers that may come before they are asked for."""
        await asyncio.sleep(after)
        early = life.kind.early and self._dice.random() < 0.8
        if early:
            self._early[life.id] = asyncio.Event()
        before = early and self._dice.random() < 0.5
        if before:
            await self._answer_early(life)
        await self._start(life)
        if early and not before:
            await self._answer_early(life)

    async def watch(self, group: asyncio.TaskGroup) -> None:
        """See for ever which continuations wait, and have each answered."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                await self._look(group)
            except ServiceUnavailable:
                continue

    async def _look(self, group: asyncio.TaskGroup) -> None:
        waiting = [
            token.decode()
            for keys in self._keys.shards
            for token in strings(await self._reads.ask("ZRANGE", keys.waiting, 0, -1))
        ]
        fresh = [token for token in waiting if token not in self._known]
        hashes = await self._reads.ask_all(
            [("HMGET", self._keys.of_token(token).token(token), "execution", "state") for token in fresh]
        )
        for token, reply in zip(fresh, hashes, strict=True):
            execution, state = map(maybe_text, items(reply))
            if execution is None or state is None:
                continue
            self._known.add(token)
            life = self._ledger.lives[execution]
            life.tokens[state] = token
            group.create_task(self._answer(life, state, token))

    # Starts

    async def _start(self, life: Life) -> None:
        request: dict[str, Json] = {"name": life.name, "input": write_json_text(life.kind.input(life.n))}
        key = {"Idempotency-Key": f"start-{life.id}"}
        if life.n % 5 == 0:
            request |= {"machine": life.kind.name, "definition": write_json_text(life.kind.definition)}
            operation = "Statebox.StartDefinition"
        else:
            request["stateMachineArn"] = life.kind.name
            operation = "AWSStepFunctions.StartExecution"
        while not life.started:
            life.tries += 1
            impatient = life.tries == 1 and self._dice.random() < 0.1
            match await self._operate(operation, request, key, 0.01 if impatient else _PATIENCE_SECONDS):
                case (200, _):
                    life.started = True
                case (_, {"__type": "ExecutionAlreadyExists"}) if life.tries > 1:
                    # It has ended since the start whose reply was lost.
                    self._ledger.counts["starts found done"] += 1
                    life.started = True
                case None:
                    await asyncio.sleep(0.2 * self._dice.random())
                case told:
                    raise AssertionError(f"{life.id} was not started: {told}")
        if life.tries > 1:
            self._ledger.counts["starts repeated"] += 1
        elif self._dice.random() < 0.1:
            await self._start_again(operation, request, life)

    async def _start_again(self, operation: str, request: dict[str, Json], life: Life) -> None:
        """Another execution of the same name is refused."""
        match await self._operate(operation, {**request, "input": '"another"'}, {}, _PATIENCE_SECONDS):
            case (400 | 409, {"__type": "ExecutionAlreadyExists"}):
                self._ledger.counts["second starts refused"] += 1
            case None:
                pass
            case told:
                raise AssertionError(f"{life.id} was started twice: {told}")

    # Answers

    async def _answer(self, life: Life, state: str, token: str) -> None:
        dice = self._dice
        if life.kind.expires:
            if dice.random() < 0.5:
                return
            # About when it expires; it was found up to a look late.
            await asyncio.sleep(dice.choice((0.0, 1.0, 1.7, 1.8, 1.85, 1.9, 1.95, 2.0)))
        else:
            await asyncio.sleep(dice.expovariate(1.0))
        if (over := self._early.get(life.id)) is not None:
            await over.wait()
            if any(attempt.acknowledged for attempt in life.answers[state]):
                return
        first = self._attempt(life, state, dice.choice(SAFE + UNSAFE))
        rivals = 0 if life.kind.early else dice.choice((0, 0, 0, 1, 1, 2))
        if rivals == 2:
            rival = self._attempt(life, state, dice.choice(SAFE))
            await asyncio.gather(self._give(first, token), self._give(rival, token))
            return
        await self._give(first, token)
        if rivals:
            second = self._attempt(life, state, dice.choice((*SAFE, "api")))
            await self._give(second, token)

    def _attempt(self, life: Life, state: str, channel: str, early: bool = False) -> Attempt:
        operation = uuid.UUID(int=self._dice.getrandbits(128)).hex
        given = life.answers.setdefault(state, [])
        mark: str | None = f"{life.id} {state} {len(given)}"
        if channel == "seed" and life.kind.fails:
            channel = "http"
        if channel in ("seed", "publish") and not life.kind.fails and state != "Hand" and self._dice.random() < 0.3:
            mark = None
        attempt = Attempt(operation, channel, Said(mark, life.kind.fails), channel in SAFE or early, early)
        given.append(attempt)
        return attempt

    async def _give(self, attempt: Attempt, token: str) -> None:
        while not attempt.acknowledged and attempt.refused is None:
            attempt.tries += 1
            impatient = attempt.tries == 1 and self._dice.random() < 0.1
            if attempt.channel == "publish":
                attempt.published = True
                if await self._publish(attempt, token):
                    return
                attempt.channel = "api"
            self._note(attempt, await self._send(attempt, token, 0.01 if impatient else _PATIENCE_SECONDS))
            if not attempt.acknowledged and attempt.refused is None:
                await asyncio.sleep(0.2 * self._dice.random())

    def _note(self, attempt: Attempt, told: Told) -> None:
        match told:
            case None:
                pass
            case (status, _) if status < 300:
                attempt.acknowledged = True
                attempt.kept = attempt.early and status == _KEPT
                if attempt.tries > 1:
                    self._ledger.counts["answers repeated"] += 1
            case (status, answer):
                attempt.refused = f"{status} {answer}"
                self._ledger.counts["answers refused"] += 1
                if (
                    attempt.tries == 1
                    and not attempt.published
                    and (status == 409 or "answered before" in attempt.refused)
                ):
                    self._ledger.counts["second answers refused"] += 1

    async def _send(self, attempt: Attempt, token: str, seconds: float) -> Told:
        said, mark = attempt.said, attempt.said.mark or ""
        match attempt.channel:
            case "http":
                query = f"?error=No&cause={quote(mark)}" if said.failed else ""
                body = "" if said.failed else write_json_text(said.output)
                return await self._post(
                    f"/continuations/{token}{query}", body, {"Idempotency-Key": attempt.operation}, seconds
                )
            case "seed":
                body = "" if said.mark is None else write_json_text(said.output)
                return await self._post(f"/?continuation={token}", body, {}, seconds)
            case "operation":
                safely: dict[str, Json] = {"continuation": token, "clientToken": attempt.operation}
                if said.failed:
                    return await self._operate("Statebox.Fail", {**safely, "error": "No", "cause": mark}, {}, seconds)
                return await self._operate(
                    "Statebox.Resume", {**safely, "output": write_json_text(said.output)}, {}, seconds
                )
            case _:
                if said.failed:
                    asked: dict[str, Json] = {"taskToken": token, "error": "No", "cause": mark}
                    return await self._operate("AWSStepFunctions.SendTaskFailure", asked, {}, seconds)
                asked = {"taskToken": token, "output": write_json_text(said.output)}
                return await self._operate("AWSStepFunctions.SendTaskSuccess", asked, {}, seconds)

    async def _publish(self, attempt: Attempt, token: str) -> bool:
        """Publish an answer; whether it has arrived, as nobody acknowledges it."""
        said = attempt.said
        message: dict[str, Json] = {"continuation": token}
        if said.failed:
            message |= {"error": "No", "cause": said.mark}
        else:
            message["output"] = said.output
        try:
            plain = said.mark is None and not said.failed
            await self._reads.ask("PUBLISH", "resume", token if plain else write_json_text(message))
            for _ in range(10):
                await asyncio.sleep(_PUBLISHED_SECONDS / 10)
                status = await self._reads.ask("HGET", self._keys.of_token(token).token(token), "status")
                if status is None or text(status) != "waiting":
                    return True
        except ServiceUnavailable:
            pass
        return False

    async def _answer_early(self, life: Life) -> None:
        [state] = life.kind.asks(life.n)
        first = self._attempt(life, state, "early", early=True)
        await self._give_early(life, state, first)
        if first.acknowledged and self._dice.random() < 0.4:
            await self._give_early(life, state, self._attempt(life, state, "early", early=True))
        self._early[life.id].set()

    async def _give_early(self, life: Life, state: str, attempt: Attempt) -> None:
        path = f"/executions/{life.kind.name}/{life.name}/answers/{quote(state, safe='')}"
        key = {"Idempotency-Key": attempt.operation}
        while not attempt.acknowledged and attempt.refused is None:
            attempt.tries += 1
            self._note(attempt, await self._post(path, write_json_text(attempt.said.output), key, _PATIENCE_SECONDS))
            if not attempt.acknowledged and attempt.refused is None:
                await asyncio.sleep(0.2 * self._dice.random())

    # Over HTTP

    async def _operate(self, operation: str, request: dict[str, Json], headers: dict[str, str], seconds: float) -> Told:
        asked = {**_PROTOCOL, "X-Amz-Target": operation, **headers}
        return await self._post("", write_json_text(request), asked, seconds)

    async def _post(self, path: str, body: str, headers: dict[str, str], seconds: float) -> Told:
        """What some daemon answers; None when it cannot be known whether it was done, or was not done."""
        daemon = self._dice.choice(self._world.daemons)
        try:
            async with self._http.post(
                daemon.url + path,
                data=body.encode() or None,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as answer:
                status, said = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            # aiohttp tells of its own timeout where both came at once.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from None
            return None
        if status in (429, 503, 504):
            return None
        try:
            return status, read_json(said)
        except InvalidJson:
            return status, None
