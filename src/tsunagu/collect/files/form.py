"""How a file is written: format, encoding, columns. What is not stated is found out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Format = Literal["csv", "fixed", "ndjson", "parquet"]
Encoding = Literal["utf-8", "cp932"]


class FixedColumn(BaseModel):
    """A column of a fixed-width file: bytes in CP932, characters in UTF-8."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    width: int = Field(ge=1, le=10_000)


class FileForm(BaseModel):
    """How a file is written. What is `auto` or absent is found out from its contents.

    Lines before the header that are no data are `skip_lines`. `columns` names the columns of a
    CSV file without a header, `fixed` those of a fixed-width file. `unbroken` fixed-width
    records follow each other without line ends.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["auto"] | Format = "auto"
    encoding: Literal["auto"] | Encoding = "auto"
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    header: bool = True
    skip_lines: int = Field(default=0, ge=0)
    columns: tuple[str, ...] = ()
    fixed: tuple[FixedColumn, ...] = ()
    unbroken: bool = False
    # Columns whose like rows, one after another, must not be cut apart; from the mapping.
    together: tuple[str, ...] = Field(default=(), exclude=True)

    @model_validator(mode="after")
    def _complete(self) -> FileForm:
        if self.format == "fixed" and not self.fixed:
            raise ValueError("a fixed-width file needs `fixed`: a list of name and width")
        if self.format == "csv" and not self.header and not self.columns:
            raise ValueError("a CSV file without a header needs `columns`, their names in order")
        if not (self.delimiter or ",").isascii() or not self.quote.isascii():
            raise ValueError("`delimiter` and `quote` are one ASCII character each")
        return self
