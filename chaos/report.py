"""The report: what was done, what came of it, and what should not be so, for people."""

from __future__ import annotations

from chaos.run import WANTED, WANTED_OF_VALKEY, Report

_SHOWN = 20


def written(report: Report) -> str:
    """The report as text."""
    plan = report.plan
    lines = [
        f"chaos, seed {plan.seed}: {plan.executions} executions, {plan.seconds:g} s of faults, "
        f"lease {plan.lease_seconds:g} s, appendfsync {plan.appendfsync}; {report.seconds:.0f} s in all",
        "",
    ]
    wanted = (*WANTED, *WANTED_OF_VALKEY)
    lines += [f"  {report.counts[name]:8} {name}" for name in wanted]
    lines.append("")
    lines += [f"  {count:8} {name}" for name, count in sorted(report.counts.items()) if name not in wanted]
    lines.append("")
    lines += [f"0, which must not be: {name}" for name in report.missing]
    lines.append(f"{len(report.violations)} violations")
    lines += [f"  {wrong.execution or '-'}: {wrong.what}" for wrong in report.violations[:_SHOWN]]
    if len(report.violations) > _SHOWN:
        lines.append("  …")
    lines.append(f"evidence: {report.folder}")
    return "\n".join(lines) + "\n"
