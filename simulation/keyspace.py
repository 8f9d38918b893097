"""The keyspace: Redis data with virtual time, as exact as the scripts and readers need it.

A command is given as bytes and answered as Redis does: None, an integer, bytes, a list, or an Error. What the product
does not use is not here, and is answered with an error.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

Value: TypeAlias = "bytes | dict[bytes, bytes] | list[bytes] | set[bytes] | Scores"
Answer: TypeAlias = "int | bytes | list[Answer] | Status | None"

_WRONG_TYPE: Final = "WRONGTYPE Operation against a key holding the wrong kind of value"


class Failure(Exception):
    """What Redis answers with an error."""


class Status(str):
    """What Redis answers as a simple string, as `OK`."""

    __slots__ = ()


OK: Final = Status("OK")


class Scores:
    """A sorted set."""

    __slots__ = ("by_member", "ranked")

    def __init__(self) -> None:
        self.by_member: dict[bytes, float] = {}
        self.ranked: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        return len(self.ranked)

    def add(self, member: bytes, score: float) -> bool:
        """Returns whether it is new."""
        old = self.by_member.get(member)
        if old is not None:
            if old == score:
                return False
            del self.ranked[bisect_left(self.ranked, (old, member))]
        self.by_member[member] = score
        insort(self.ranked, (score, member))
        return old is None

    def remove(self, member: bytes) -> bool:
        """Returns whether it was there."""
        old = self.by_member.pop(member, None)
        if old is None:
            return False
        del self.ranked[bisect_left(self.ranked, (old, member))]
        return True

    def between(self, lowest: bytes, highest: bytes) -> list[tuple[float, bytes]]:
        """Those with scores in the range, as ZRANGEBYSCORE writes ranges."""
        score, exclusive = _bound(lowest)
        first = (
            bisect_left(self.ranked, score, key=_score)
            if not exclusive
            else bisect_right(self.ranked, score, key=_score)
        )
        score, exclusive = _bound(highest)
        last = (
            bisect_right(self.ranked, score, key=_score)
            if not exclusive
            else bisect_left(self.ranked, score, key=_score)
        )
        return self.ranked[first:last]


def _score(entry: tuple[float, bytes]) -> float:
    return entry[0]


def _bound(text: bytes) -> tuple[float, bool]:
    exclusive = text.startswith(b"(")
    return _float(text[1:] if exclusive else text), exclusive


def _float(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        raise Failure("ERR value is not a valid float") from None


def _integer(text: bytes) -> int:
    try:
        return int(text)
    except ValueError:
        raise Failure("ERR value is not an integer or out of range") from None


def score_text(score: float) -> bytes:
    """A score as Redis writes it."""
    return b"%d" % score if score.is_integer() and abs(score) < 1e17 else b"%.17g" % score


class Keyspace:
    """All keys. `now_ms` is the time by which they expire."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._values: dict[bytes, Value] = {}
        self._expire_at_ms: dict[bytes, int] = {}
        # What was published, and which strings were given a TTL, since somebody last took note of it.
        self.published: list[tuple[bytes, bytes]] = []
        self.with_ttl: list[bytes] = []
        self._commands: Final[dict[bytes, Callable[[Sequence[bytes]], Answer]]] = {
            name.removeprefix("_do_").upper().encode(): getattr(self, name)
            for name in dir(self)
            if name.startswith("_do_")
        }

    def run(self, command: Sequence[bytes]) -> Answer:
        """Carry out one command. Raises Failure."""
        do = self._commands.get(command[0].upper())
        if do is None:
            raise Failure(f"ERR unknown command '{command[0].decode(errors='replace')}'")
        try:
            return do(command)
        except IndexError:
            raise Failure("ERR wrong number of arguments") from None

    def peek(self, key: bytes) -> Value | None:
        """What a key holds, for whoever looks from outside."""
        return self._live(key)

    def expiry_ms(self, key: bytes) -> int | None:
        """When it goes."""
        return self._expire_at_ms.get(key)

    def names(self) -> list[bytes]:
        """All keys that are there, in order."""
        return [key for key, _ in self.items()]

    def items(self) -> list[tuple[bytes, Value]]:
        """All keys that are there, in order, with what they hold."""
        found = [(key, self._live(key)) for key in sorted(self._values)]
        return [(key, value) for key, value in found if value is not None]

    def _live(self, key: bytes) -> Value | None:
        value = self._values.get(key)
        if value is not None and key in self._expire_at_ms and self._expire_at_ms[key] <= self._now_ms():
            self._remove(key)
            return None
        return value

    def _remove(self, key: bytes) -> None:
        del self._values[key]
        self._expire_at_ms.pop(key, None)

    def _hash(self, key: bytes) -> dict[bytes, bytes] | None:
        value = self._live(key)
        if value is None or isinstance(value, dict):
            return value
        raise Failure(_WRONG_TYPE)

    def _list(self, key: bytes) -> list[bytes] | None:
        value = self._live(key)
        if value is None or isinstance(value, list):
            return value
        raise Failure(_WRONG_TYPE)

    def _set(self, key: bytes) -> set[bytes] | None:
        value = self._live(key)
        if value is None or isinstance(value, set):
            return value
        raise Failure(_WRONG_TYPE)

    def _zset(self, key: bytes) -> Scores | None:
        value = self._live(key)
        if value is None or isinstance(value, Scores):
            return value
        raise Failure(_WRONG_TYPE)

    def _string(self, key: bytes) -> bytes | None:
        value = self._live(key)
        if value is None or isinstance(value, bytes):
            return value
        raise Failure(_WRONG_TYPE)

    def _drop_if_empty(self, key: bytes, value: Value) -> None:
        if not value:
            self._remove(key)

    # Keys

    def _do_del(self, c: Sequence[bytes]) -> Answer:
        there = [key for key in c[1:] if self._live(key) is not None]
        for key in there:
            if key in self._values:
                self._remove(key)
        return len(there)

    _do_unlink = _do_del

    def _do_exists(self, c: Sequence[bytes]) -> Answer:
        return sum(self._live(key) is not None for key in c[1:])

    def _do_pexpire(self, c: Sequence[bytes]) -> Answer:
        if self._live(c[1]) is None:
            return 0
        self._expire_at_ms[c[1]] = self._now_ms() + _integer(c[2])
        self._live(c[1])
        return 1

    def _do_pttl(self, c: Sequence[bytes]) -> Answer:
        if self._live(c[1]) is None:
            return -2
        at_ms = self._expire_at_ms.get(c[1])
        return -1 if at_ms is None else at_ms - self._now_ms()

    def _do_type(self, c: Sequence[bytes]) -> Answer:
        names = {bytes: "string", dict: "hash", list: "list", set: "set", Scores: "zset"}
        value = self._live(c[1])
        return Status("none" if value is None else names[type(value)])

    def _do_dbsize(self, c: Sequence[bytes]) -> Answer:
        return len(self.names())

    # Strings

    def _do_get(self, c: Sequence[bytes]) -> Answer:
        return self._string(c[1])

    def _do_set(self, c: Sequence[bytes]) -> Answer:
        options = [option.upper() for option in c[3:]]
        if b"NX" in options and self._live(c[1]) is not None:
            return None
        if any(option not in (b"NX", b"PX", b"EX") and not option.isdigit() for option in options):
            raise Failure("ERR syntax error")
        self._values[c[1]] = c[2]
        self._expire_at_ms.pop(c[1], None)
        for unit, ms in ((b"PX", 1), (b"EX", 1000)):
            if unit in options:
                self._expire_at_ms[c[1]] = self._now_ms() + ms * _integer(options[options.index(unit) + 1])
                self.with_ttl.append(c[1])
        return OK

    # Hashes

    def _do_hget(self, c: Sequence[bytes]) -> Answer:
        return (self._hash(c[1]) or {}).get(c[2])

    def _do_hmget(self, c: Sequence[bytes]) -> Answer:
        fields = self._hash(c[1]) or {}
        return [fields.get(name) for name in c[2:]]

    def _do_hgetall(self, c: Sequence[bytes]) -> Answer:
        return [part for pair in (self._hash(c[1]) or {}).items() for part in pair]

    def _do_hset(self, c: Sequence[bytes]) -> Answer:
        if len(c) < 4 or len(c) % 2:
            raise Failure("ERR wrong number of arguments for 'hset' command")
        fields = self._hash(c[1])
        if fields is None:
            fields = self._values[c[1]] = {}
        before = len(fields)
        fields.update(zip(c[2::2], c[3::2], strict=True))
        return len(fields) - before

    def _do_hsetnx(self, c: Sequence[bytes]) -> Answer:
        return 0 if c[2] in (self._hash(c[1]) or {}) else self._do_hset(c)

    def _do_hdel(self, c: Sequence[bytes]) -> Answer:
        fields = self._hash(c[1])
        if fields is None:
            return 0
        gone = sum(fields.pop(name, None) is not None for name in c[2:])
        self._drop_if_empty(c[1], fields)
        return gone

    def _do_hexists(self, c: Sequence[bytes]) -> Answer:
        return int(c[2] in (self._hash(c[1]) or {}))

    def _do_hlen(self, c: Sequence[bytes]) -> Answer:
        return len(self._hash(c[1]) or {})

    def _do_hstrlen(self, c: Sequence[bytes]) -> Answer:
        return len((self._hash(c[1]) or {}).get(c[2], b""))

    def _do_hincrby(self, c: Sequence[bytes]) -> Answer:
        number = _integer((self._hash(c[1]) or {}).get(c[2], b"0")) + _integer(c[3])
        self._do_hset((b"HSET", c[1], c[2], b"%d" % number))
        return number

    # Lists

    def _do_rpush(self, c: Sequence[bytes]) -> Answer:
        entries = self._list(c[1])
        if entries is None:
            entries = self._values[c[1]] = []
        entries += c[2:]
        return len(entries)

    def _do_lpop(self, c: Sequence[bytes]) -> Answer:
        entries = self._list(c[1])
        if entries is None:
            return None
        count = _integer(c[2]) if len(c) > 2 else 1
        first = entries[:count]
        del entries[:count]
        self._drop_if_empty(c[1], entries)
        return list[Answer](first) if len(c) > 2 else first[0]

    def _do_lindex(self, c: Sequence[bytes]) -> Answer:
        entries, place = self._list(c[1]) or [], _integer(c[2])
        return entries[place] if -len(entries) <= place < len(entries) else None

    def _do_llen(self, c: Sequence[bytes]) -> Answer:
        return len(self._list(c[1]) or ())

    def _do_lrange(self, c: Sequence[bytes]) -> Answer:
        entries = self._list(c[1]) or []
        return list[Answer](entries[_span(c[2], c[3], len(entries))])

    def _do_ltrim(self, c: Sequence[bytes]) -> Answer:
        entries = self._list(c[1])
        if entries is not None:
            entries[:] = entries[_span(c[2], c[3], len(entries))]
            self._drop_if_empty(c[1], entries)
        return OK

    # Sets

    def _do_sadd(self, c: Sequence[bytes]) -> Answer:
        members = self._set(c[1])
        if members is None:
            members = self._values[c[1]] = set()
        before = len(members)
        members.update(c[2:])
        return len(members) - before

    def _do_srem(self, c: Sequence[bytes]) -> Answer:
        members = self._set(c[1])
        if members is None:
            return 0
        before = len(members)
        members.difference_update(c[2:])
        gone = before - len(members)
        self._drop_if_empty(c[1], members)
        return gone

    def _do_scard(self, c: Sequence[bytes]) -> Answer:
        return len(self._set(c[1]) or ())

    def _do_sismember(self, c: Sequence[bytes]) -> Answer:
        return int(c[2] in (self._set(c[1]) or ()))

    def _do_smembers(self, c: Sequence[bytes]) -> Answer:
        return list[Answer](sorted(self._set(c[1]) or ()))

    def _do_srandmember(self, c: Sequence[bytes]) -> Answer:
        """Any of them will do: the first, so that a seed can be replayed."""
        members = sorted(self._set(c[1]) or ())
        if len(c) == 2:
            return members[0] if members else None
        return list[Answer](members[: _integer(c[2])])

    # Sorted sets

    def _do_zadd(self, c: Sequence[bytes]) -> Answer:
        options = {option.upper() for option in c[2:] if option.upper() in (b"NX", b"XX", b"GT", b"LT", b"CH")}
        if options - {b"NX"}:
            raise Failure("ERR syntax error")
        pairs = c[2 + len(options) :]
        if not pairs or len(pairs) % 2:
            raise Failure("ERR syntax error")
        scores = [_float(score) for score in pairs[::2]]
        zset = self._zset(c[1])
        if zset is None:
            zset = self._values[c[1]] = Scores()
        members = pairs[1::2]
        kept = options and zset.by_member.copy()
        return sum(
            zset.add(member, score)
            for member, score in zip(members, scores, strict=True)
            if not kept or member not in kept
        )

    def _do_zrem(self, c: Sequence[bytes]) -> Answer:
        zset = self._zset(c[1])
        if zset is None:
            return 0
        gone = sum([zset.remove(member) for member in c[2:]])
        self._drop_if_empty(c[1], zset)
        return gone

    def _do_zscore(self, c: Sequence[bytes]) -> Answer:
        zset = self._zset(c[1])
        score = None if zset is None else zset.by_member.get(c[2])
        return None if score is None else score_text(score)

    def _do_zcard(self, c: Sequence[bytes]) -> Answer:
        return len(self._zset(c[1]) or ())

    def _do_zcount(self, c: Sequence[bytes]) -> Answer:
        zset = self._zset(c[1])
        return 0 if zset is None else len(zset.between(c[2], c[3]))

    def _do_zrange(self, c: Sequence[bytes]) -> Answer:
        return self._by_rank(c, reverse=False)

    def _do_zrevrange(self, c: Sequence[bytes]) -> Answer:
        return self._by_rank(c, reverse=True)

    def _by_rank(self, c: Sequence[bytes], *, reverse: bool) -> Answer:
        zset = self._zset(c[1])
        ranked = [] if zset is None else zset.ranked[:: -1 if reverse else 1]
        return _shown(ranked[_span(c[2], c[3], len(ranked))], c[4:])

    def _do_zrangebyscore(self, c: Sequence[bytes]) -> Answer:
        zset = self._zset(c[1])
        return _shown([] if zset is None else zset.between(c[2], c[3]), c[4:])

    def _do_zrevrangebyscore(self, c: Sequence[bytes]) -> Answer:
        zset = self._zset(c[1])
        return _shown([] if zset is None else zset.between(c[3], c[2])[::-1], c[4:])

    # Others

    def _do_publish(self, c: Sequence[bytes]) -> Answer:
        self.published.append((c[1], c[2]))
        return 0

    def _do_time(self, c: Sequence[bytes]) -> Answer:
        now_ms = self._now_ms()
        return [b"%d" % (now_ms // 1000), b"%d" % (now_ms % 1000 * 1000)]

    def _do_ping(self, c: Sequence[bytes]) -> Answer:
        return Status("PONG")


def _span(first: bytes, last: bytes, length: int) -> slice:
    """A range as Redis counts it: both ends belong to it, negative ones count from the end."""
    low, high = _integer(first), _integer(last)
    low = max(0, low + length) if low < 0 else low
    high = high + length if high < 0 else high
    return slice(low, max(low, high + 1))


def _shown(entries: Sequence[tuple[float, bytes]], options: Sequence[bytes]) -> Answer:
    options = [option.upper() for option in options]
    if b"LIMIT" in options:
        at = options.index(b"LIMIT")
        offset, count = _integer(options[at + 1]), _integer(options[at + 2])
        entries = entries[offset:] if count < 0 else entries[offset : offset + count]
        del options[at : at + 3]
    if options == [b"WITHSCORES"]:
        return [part for score, member in entries for part in (member, score_text(score))]
    if options:
        raise Failure("ERR syntax error")
    return [member for _, member in entries]
