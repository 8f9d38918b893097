"""Resuming: what a daemon does with a message of the `resume` channel, which every daemon hears."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from random import random
from typing import Final

import msgspec

from statebox.engine.errors import (
    InvalidToken,
    ServiceError,
    TaskAlreadyAnswered,
    TaskDoesNotExist,
    TaskTimedOut,
)
from statebox.engine.messages import ResumeMessage, UnreadableMessage, read_resume_message
from statebox.engine.service import Service

_log = logging.getLogger(__name__)

# More than this (bytes) is not sent to Redis by every daemon: each lets up to so much time pass, and asks first whether
# another was quicker. Less than this costs less than asking.
_LARGE: Final = 16_384
_SPREAD_SECONDS: Final = 0.03


class Resuming:
    """Acts on messages. Nobody hears an answer, so what is wrong is logged."""

    def __init__(self, service: Service, dice: Callable[[], float] = random) -> None:
        self._service = service
        self._dice = dice

    async def act_on(self, message: bytes) -> None:
        """Answer what it says."""
        about = "a message"
        try:
            answer = read_resume_message(message)
            about = answer.continuation or f"{answer.state} of {answer.execution}"
            if len(message) > _LARGE and answer.continuation:
                await asyncio.sleep(_SPREAD_SECONDS * self._dice())
                if (await self._service.continuation(answer.continuation)).status != "waiting":
                    _log.info("resume: %s does not wait any more", about)
                    return
            await self._answer(answer, message)
        except UnreadableMessage as unreadable:
            _log.warning("resume: %s", unreadable)
        except (InvalidToken, TaskTimedOut, TaskAlreadyAnswered, TaskDoesNotExist) as refused:
            # All but one are told that it was answered.
            _log.info("resume: %s: %s", about, refused.message)
        except ServiceError as failed:
            _log.error("resume: %s could not be answered: %s", about, failed.message)
        except Exception:  # noqa: BLE001 - every daemon hears the message, and what it is about must not end them all
            _log.exception("resume: %s could not be answered", about)

    async def _answer(self, answer: ResumeMessage, message: bytes) -> None:
        service = self._service
        if answer.state:
            # The state may wait again by the time that the last of the daemons does this.
            operation = hashlib.sha256(message).hexdigest()
            output = answer.output if answer.has_output else msgspec.UNSET
            await service.answer_state(
                answer.execution, answer.state, output, answer.error, answer.cause, operation, "PUBLISH"
            )
        elif answer.failed:
            await service.send_task_failure(answer.continuation, answer.error, answer.cause, None, "PUBLISH")
        elif answer.has_output:
            await service.send_task_success(answer.continuation, answer.output, None, "PUBLISH")
        else:
            await service.resume(answer.continuation, None, "PUBLISH")
