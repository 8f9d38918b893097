"""Lua as in Redis: runs the real scripts on the keyspace."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

from lupa import luajit21

from simulation.keyspace import Answer, Failure, Keyspace, Status
from statebox.asl.jsontext import Json, is_object

# What a script sees of Redis, and what Redis sees of a script's result. Answers cross the border as a kind and values.
_PRELUDE: Final = rb"""
local run, encode, decode = ...
local select, type, pairs, floor = select, type, pairs, math.floor

local function answer(kind, ...)
  if kind == 1 then return (...) end
  if kind == 2 then
    local list = {...}
    for i = 1, select('#', ...) do
      if list[i] == nil then list[i] = false end
    end
    return list
  end
  if kind == 3 then return {ok = (...)} end
  if kind == 4 then return false end
  error({err = (...)}, 0)
end

redis = {
  call = function(...) return answer(run(...)) end,
  error_reply = function(text) return {err = text} end,
  status_reply = function(text) return {ok = text} end,
}
cjson = {
  encode = function(value)
    if type(value) ~= 'table' then return encode(0, value) end
    if #value > 0 then return encode(1, unpack(value)) end
    local flat = {}
    for name, field in pairs(value) do
      flat[#flat + 1] = name
      flat[#flat + 1] = field
    end
    return encode(2, unpack(flat))
  end,
  decode = function(text)
    local flat, value = {decode(text)}, {}
    if not flat[1] then return {unpack(flat, 2)} end
    for i = 2, #flat, 2 do value[flat[i]] = flat[i + 1] end
    return value
  end,
}

local function reply(value)
  local of = type(value)
  if of == 'string' then return value end
  if of == 'number' then
    -- Towards zero, as C casts.
    return value < 0 and -floor(-value) or floor(value)
  end
  if of == 'boolean' then return value and 1 or nil end
  if of == 'table' then
    if value.err then error({err = value.err}, 0) end
    if value.ok then return value end
    local list, n = {}, 0
    for i = 1, #value do
      if value[i] == nil then break end
      n = i
    end
    for i = 1, n do
      list[i] = reply(value[i])
    end
    return {n = n, list = list}
  end
  return nil
end

return function(text)
  local script, wrong = loadstring(text)
  if not script then error(wrong, 0) end
  return function(keys, args)
    -- As in Redis, where they are globals; the scripts read them so.
    KEYS, ARGV = keys, args
    local fine, value = pcall(script)
    if not fine then
      if type(value) == 'table' and value.err then return true, value.err end
      return true, 'ERR ' .. tostring(value)
    end
    return false, reply(value)
  end
end
"""


class _Table(Protocol):
    """A Lua table."""

    def __getitem__(self, key: bytes | int) -> _LuaValue: ...


_LuaValue = bytes | int | float | bool | None | _Table
_Compiled = Callable[[_Table, _Table], tuple[bool, _LuaValue]]


class _Runtime(Protocol):
    """What is used of lupa."""

    def execute(self, code: bytes, *args: Callable[..., object]) -> Callable[[bytes], _Compiled]: ...

    def table_from(self, values: Sequence[bytes]) -> _Table: ...


class Lua:
    """One interpreter. `keyspace` is what the scripts work on; it can be exchanged between two scripts."""

    def __init__(self) -> None:
        self.keyspace: Keyspace | None = None
        self._null = object()
        self._runtime = cast(
            _Runtime,
            # Its stub does not know what it takes.
            luajit21.LuaRuntime(encoding=None, unpack_returned_tuples=True),  # pyright: ignore[reportCallIssue]
        )
        self._compile = self._runtime.execute(_PRELUDE, self._run, _encode, _decode)
        self._scripts: dict[bytes, _Compiled] = {}

    def evaluate(self, text: bytes, keys: Sequence[bytes], arguments: Sequence[bytes]) -> Answer:
        """What a script answers. Raises Failure."""
        compiled = self._scripts.get(text)
        if compiled is None:
            compiled = self._scripts[text] = self._compile(text)
        failed, value = compiled(self._runtime.table_from(keys), self._runtime.table_from(arguments))
        if failed:
            raise Failure(value.decode(errors="replace") if isinstance(value, bytes) else str(value))
        return _answer(value)

    def _run(self, *command: bytes | float) -> tuple[int | bytes | None, ...]:
        assert self.keyspace is not None
        try:
            answer = self.keyspace.run([part if isinstance(part, bytes) else _number(part) for part in command])
        except Failure as failed:
            return (5, str(failed).encode())
        match answer:
            case None:
                return (4,)
            case list():
                return (2, *cast("list[bytes | None]", answer))
            case Status():
                return (3, answer.encode())
            case _:
                return (1, answer)


def _number(number: float) -> bytes:
    """A number of Lua's as Redis hands it to a command."""
    return b"%d" % number if float(number).is_integer() and abs(number) < 1e17 else b"%.17g" % number


def _answer(value: _LuaValue) -> Answer:
    match value:
        case None | bytes():
            return value
        case int() | float():
            return int(value)
        case _:
            ok = value[b"ok"]
            if isinstance(ok, bytes):
                return Status(ok.decode())
            length, inner = value[b"n"], value[b"list"]
            assert isinstance(length, int | float)
            assert not isinstance(inner, bytes | int | float | None)
            return [_answer(inner[place]) for place in range(1, int(length) + 1)]


def _encode(kind: int, *values: bytes | float) -> bytes:
    """As cjson, for texts and numbers (0), lists (1) and objects (2) of them: it escapes the slash as well."""
    texts = [_json(value) for value in values]
    match kind:
        case 0:
            return texts[0]
        case 1:
            return b"[" + b",".join(texts) + b"]"
        case _:
            fields = sorted(zip(texts[::2], texts[1::2], strict=True))
            return b"{" + b",".join(b"%s:%s" % field for field in fields) + b"}"


def _json(value: bytes | float) -> bytes:
    if not isinstance(value, bytes):
        return _number(value)
    return json.dumps(value.decode(), ensure_ascii=False).replace("/", "\\/").encode()


def _decode(text: bytes) -> tuple[bytes | float | bool, ...]:
    """Whether it is an object, and its entries."""
    value: Json = json.loads(text)
    flat: list[Json] = [part for pair in value.items() for part in pair] if is_object(value) else value
    return is_object(value), *(part.encode() if isinstance(part, str) else part for part in flat)
