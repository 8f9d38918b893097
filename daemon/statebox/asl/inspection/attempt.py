"""An attempt: from the arguments of TestState to its verdict, in one pure call."""

from __future__ import annotations

from statebox.asl.data.allowance import Allowance
from statebox.asl.events import AnyEvent
from statebox.asl.inspection.asking import Asked, read_setting, read_subject
from statebox.asl.inspection.models import Models
from statebox.asl.inspection.setting import Verdict, Wanted
from statebox.asl.inspection.trial import try_state
from statebox.asl.limits import Limits
from statebox.asl.moment import Moment


def attempt(
    asked: Asked,
    models: Models,
    place: str,
    moment: Moment,
    answer: AnyEvent | None = None,
    *,
    limits: Limits,
    allowance: Allowance | None = None,
    aborted: str | None = None,
) -> Verdict | Wanted:
    """Try the state that is meant, as try_state does. `place` is `<region>:<account>`.

    Raises TrialRefused and OutOfSteps.
    """
    subject = read_subject(asked.definition, asked.state_name)
    setting = read_setting(asked, subject, models, place)
    return try_state(subject, setting, moment, answer, limits=limits, allowance=allowance, aborted=aborted)
