"""Tags: what users note on a resource, by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from statebox.engine.errors import TooManyTags

_MOST_TAGS: Final = 50


def with_tags(tags: Mapping[str, str], added: Mapping[str, str]) -> Mapping[str, str]:
    """The tags with others added or changed. Raises TooManyTags."""
    changed = {**tags, **added}
    if len(changed) > _MOST_TAGS:
        raise TooManyTags(f"A resource has at most {_MOST_TAGS} tags; this would make {len(changed)}")
    return changed


def without_tags(tags: Mapping[str, str], keys: frozenset[str]) -> Mapping[str, str]:
    """The tags without those of these keys, which need not be there."""
    return {key: value for key, value in tags.items() if key not in keys}
