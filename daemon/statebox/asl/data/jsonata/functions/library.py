"""All functions by name. `$eval` is not among them: Step Functions has taken it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from statebox.asl.data.jsonata.functions.arrays import ARRAYS
from statebox.asl.data.jsonata.functions.dates import DATES
from statebox.asl.data.jsonata.functions.encodings import ENCODINGS
from statebox.asl.data.jsonata.functions.integers import INTEGERS
from statebox.asl.data.jsonata.functions.numeric import NUMERIC
from statebox.asl.data.jsonata.functions.objects import OBJECTS
from statebox.asl.data.jsonata.functions.pictures import PICTURES
from statebox.asl.data.jsonata.functions.strings import STRINGS
from statebox.asl.data.jsonata.native import Native

FUNCTIONS: Final[Mapping[str, Native]] = {
    function.name: function
    for functions in (ARRAYS, DATES, ENCODINGS, INTEGERS, NUMERIC, OBJECTS, PICTURES, STRINGS)
    for function in functions
}
