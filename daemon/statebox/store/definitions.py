"""Definitions: texts by content hash, kept at hand, so that they travel when they are new and not with each start."""

from __future__ import annotations

from typing import Final

from statebox.engine.recent import Recent

_MOST_TEXTS: Final = 1000
_MOST_CHARACTERS: Final = 32 << 20


class Definitions:
    """The texts that were used last, and on which shards they are known to be stored."""

    def __init__(self, most_texts: int = _MOST_TEXTS, most_characters: int = _MOST_CHARACTERS) -> None:
        self._texts = Recent[tuple[str, set[int]]](most_texts, most_characters)

    def text(self, hash: str) -> str | None:
        """The text with that hash, when it is at hand."""
        found = self._texts.get(hash)
        return None if found is None else found[0]

    def is_stored(self, hash: str, shard: int) -> bool:
        """Whether it was found on that shard. It may have gone since, with its last user."""
        found = self._texts.get(hash)
        return found is not None and shard in found[1]

    def keep(self, hash: str, text: str, shard: int) -> None:
        """Remember a text that is stored on a shard."""
        found = self._texts.get(hash)
        if found is not None:
            found[1].add(shard)
            return
        self._texts.put(hash, (text, {shard}), len(text))
