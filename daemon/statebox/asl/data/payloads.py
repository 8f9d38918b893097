"""Payloads: what a template makes, whichever query language it is written in."""

from __future__ import annotations

from statebox.asl.data.jsonata.templates import JsonataTemplate
from statebox.asl.data.jsonata_flow import scope_of
from statebox.asl.data.sources import Sources
from statebox.asl.data.templates import Template
from statebox.asl.jsontext import Json


def render(template: Template | JsonataTemplate, sources: Sources) -> Json:
    """The value of a template of either language."""
    if isinstance(template, JsonataTemplate):
        return template.render(scope_of(sources))
    return template.render(sources)
