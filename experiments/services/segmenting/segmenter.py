"""What a kind of segment is: parameters, and a value for each unit that belongs to it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from experiments.errors import Fault, InvalidError
from experiments.services.segmenting.source import Source

Floats = NDArray[np.float64]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Assigned:
    """Who belongs to a segment.

    Attributes:
        units: (n,) ids, each once.
        values: (n,) the value of each.
        features: name → (n,) numbers that a decision sees beside the value.
        model: what was fitted, for people.
    """

    units: pa.Array
    values: Sequence[str]
    features: Mapping[str, Floats] = field(default_factory=dict)
    model: dict[str, Any] | None = None

    def table(self) -> pa.Table:
        """Columns unit_id, value and features (JSON, or null), as they are compared and kept."""
        written: list[str | None] = [None] * len(self.units)
        if self.features:
            rows = zip(*(column.tolist() for column in self.features.values()), strict=True)
            written = [_encode(dict(zip(self.features, row, strict=True))).decode() for row in rows]
        columns = {
            "unit_id": self.units.cast(pa.string()),
            "value": pa.array(self.values, pa.string()),
            "features": pa.array(written, pa.string()),
        }
        return pa.table(columns)


class Segmenter(BaseModel, ABC):
    """One kind; its fields are the parameters of a segment, read strictly."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def read(cls, params: Mapping[str, Any]) -> Self:
        """The segmenter of these parameters. Raises InvalidError with every fault, under `/params`."""
        try:
            return cls.model_validate(dict(params))
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            raise InvalidError([_fault(each["loc"], each["msg"]) for each in found]) from error

    @abstractmethod
    def assign(self, source: Source) -> Assigned | None:
        """Who belongs now; None where somebody else keeps the members. Raises HistoryError where it cannot be told."""


def _fault(path: tuple[int | str, ...], message: str) -> Fault:
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return Fault("".join(f"/{part}" for part in ("params", *escaped)), message.removeprefix("Value error, "))
