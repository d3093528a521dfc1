"""Names for Arrow's values: the library publishes no types, so at our border they are `Any`."""

from __future__ import annotations

from typing import Any

import pyarrow.compute

Array = Any
DataType = Any
Schema = Any
Table = Any
# Its functions are made when it is imported; no checker knows them.
compute: Any = pyarrow.compute
