"""The operations: for each the class of its input and the function that does it, in tables by what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from statebox.http.messages import AWS_PREFIX, LOGS_PREFIX
from statebox.http.operations.activities import ACTIVITIES
from statebox.http.operations.aliases import ALIASES
from statebox.http.operations.executions import EXECUTIONS
from statebox.http.operations.express import EXPRESS
from statebox.http.operations.logs import LOGS
from statebox.http.operations.machines import MACHINES
from statebox.http.operations.map_runs import MAP_RUNS
from statebox.http.operations.own import OWN
from statebox.http.operations.tags import TAGS
from statebox.http.operations.tasks import TASKS
from statebox.http.operations.trials import TRIALS
from statebox.http.operations.versions import VERSIONS
from statebox.http.protocol import AnyOperation

# By what stands in X-Amz-Target.
OPERATIONS: Final[Mapping[str, AnyOperation]] = {
    **{
        f"{AWS_PREFIX}{operation.name}": operation
        for operation in (
            *(*EXECUTIONS, *EXPRESS, *MAP_RUNS, *TASKS, *ACTIVITIES),
            *(*MACHINES, *VERSIONS, *ALIASES, *TAGS, *TRIALS),
        )
    },
    **{f"{LOGS_PREFIX}{operation.name}": operation for operation in LOGS},
    **{f"Statebox.{operation.name}": operation for operation in OWN},
}
