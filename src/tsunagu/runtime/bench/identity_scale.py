"""Bench `identity`, part scale: how long a million records take, beside Splink alone.

The records are made here: people with names, streets and towns of very unequal frequency, one or
some records each, with a typing error in every eighth value, no value at all in every twelfth, and
every seventh again at another address. They are dirtier than FEBRL3; the labels lie in a table of
their own that no model sees.
"""

from __future__ import annotations

import logging
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from tsunagu.identity.linking import Links, Model, link, train
from tsunagu.identity.linking.blocking import key_value
from tsunagu.identity.linking.service import LEAST_WEIGHT, PREPARED
from tsunagu.identity.linking.training import as_splink
from tsunagu.runtime.bench.identity_quality import quality, true_pairs
from tsunagu.runtime.bench.measures import Measure

RECORDS = 1_000_000
LIMIT_SECONDS, LIMIT_MIB, LIMIT_RATIO = 600.0, 4_096.0, 1.3
SMALLER = 10
_MEMORY = "2GB"
_SYLLABLES = (
    "ba be bo bra ca ce chi co da de do dra el en er fa fe fi ga gar go ha he hi ho in is ja jo",
    "ka ke ki la le li lo ma mar me mi mo na ne ni no o pa pe pi ra re ri ro sa sen si so ta te",
    "ti to tra u va ve vi wa we wil ya yo za zen",
)


def measure(size: int | None) -> Iterator[Measure]:
    """Time and memory of so many records, and how they grow from a tenth of it."""
    records = size or RECORDS
    small, _ = _linked(max(1_000, records // SMALLER), splink=False)
    steps, more = _linked(records, splink=True)
    yield Measure("identity.scale.records", records, "records")
    for name, seconds in steps.items():
        yield Measure(f"identity.scale.{name}", seconds, "s")
    whole = sum(steps.values())
    bar = LIMIT_SECONDS * records / RECORDS
    yield Measure("identity.scale.whole", whole, "s", bar=bar, below=True)
    yield from more
    for name, took, less in (
        ("exponent", whole, sum(small.values())),
        ("exponent_of_linking", steps["link"], small["link"]),
    ):
        yield Measure(f"identity.scale.{name}", float(np.log(took / less) / np.log(SMALLER)), "")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Measure("identity.scale.memory", peak, "MiB", bar=LIMIT_MIB, below=True)


def _linked(records: int, *, splink: bool) -> tuple[dict[str, float], list[Measure]]:
    with (
        tempfile.TemporaryDirectory(prefix="tsunagu-scale-") as folder,
        duckdb.connect(str(Path(folder) / "records.duckdb")) as connection,
    ):
        connection.execute(
            f"set threads = 2; set memory_limit = '{_MEMORY}'; set temp_directory = '{folder}'"
        )
        make_records(connection, records)
        began = time.monotonic()
        model = train(connection, "records")
        trained = time.monotonic()
        links = link(connection, model, "records")
        done = time.monotonic()
        told = _told(connection, model, links)
        if splink:
            alone = _splink_alone(connection, model)
            told += [Measure(f"identity.scale.splink_{n}", took, "s") for n, took in alone.items()]
            ratio = (done - trained) / sum(alone.values())
            told.append(
                Measure("identity.scale.beside_splink", ratio, "x", bar=LIMIT_RATIO, below=True)
            )
        return {"train": trained - began, "link": done - trained}, told


def _told(connection: duckdb.DuckDBPyConnection, model: Model, links: Links) -> list[Measure]:
    """How much of the truth the keys reach and the links hold."""
    told = connection.execute("select person from truth order by unique_id").fetchnumpy()
    truth = np.asarray(told["person"], np.int64)
    row = connection.execute(
        """
        select count(*) from linking_pairs as p
        join truth as l on l.unique_id = p.left_id join truth as r on r.unique_id = p.right_id
        where l.person = r.person
        """
    ).fetchone()
    reached = (row[0] if row else 0) / max(1, true_pairs(truth))
    a_record = links.candidates / len(truth)
    pairs, clusters = quality(truth, links, model)
    return [
        Measure("identity.scale.candidates", a_record, "pairs a record", bar=1_000, below=True),
        Measure("identity.scale.blocking_recall", reached, "share", bar=0.85),
        Measure("identity.scale.pairs_precision", pairs.precision, "share"),
        Measure("identity.scale.pairs_f1", pairs.f1, "F1"),
        Measure("identity.scale.clusters_f1", clusters.f1, "F1", limit=pairs.f1),
    ]


def _splink_alone(connection: duckdb.DuckDBPyConnection, model: Model) -> dict[str, float]:
    """Seconds of each step of Splink with the same records, keys, comparisons and weights.

    It gets the prepared records for nothing, and the keys with the same cap on how many records
    may share one, so that it weighs the same pairs; then it clusters them.
    """
    from splink import DuckDBAPI, Linker, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    named = [f"key_{n}" for n in range(len(model.keys))]
    settings = {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "probability_two_random_records_match": model.prior,
        "comparisons": [as_splink(c, weights=True) for c in model.comparisons],
        "blocking_rules_to_generate_predictions": [block_on(name) for name in named],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
    }
    began = time.monotonic()
    _capped_keys(connection, model, named)
    keyed = time.monotonic()
    api: Any = DuckDBAPI(connection)
    linker: Any = Linker(api.register("splink_records"), settings, log_level=None)
    pairs = linker.inference.predict(threshold_match_weight=LEAST_WEIGHT)
    weighed = time.monotonic()
    linker.clustering.cluster_pairwise_predictions_at_threshold(
        pairs, threshold_match_weight=model.upper
    )
    clustered = time.monotonic() - weighed
    return {"keys": keyed - began, "pairs": weighed - keyed, "clusters": clustered}


def _capped_keys(connection: duckdb.DuckDBPyConnection, model: Model, named: Sequence[str]) -> None:
    """The prepared records with the value of each key, but for those that too many share."""
    values = ", ".join(
        f"{key_value(key.parts)} as {name}" for name, key in zip(named, model.keys, strict=True)
    )
    capped = ", ".join(
        f"case when count(*) over (partition by {name}) <= {key.cap} then {name} end as {name}"
        for name, key in zip(named, model.keys, strict=True)
    )
    connection.execute(
        f"""
        create table splink_keys as select unique_id, {capped}
        from (select unique_id, {values} from {PREPARED});
        create table splink_records as
        select * from {PREPARED} join splink_keys using (unique_id)
        """  # noqa: S608 - a model's columns, quoted
    )


def make_records(connection: duckdb.DuckDBPyConnection, records: int, seed: int = 1) -> None:
    """Make the table `records` (unique_id and columns of text), about 1.25 a person."""
    every = " ".join(_SYLLABLES).split()
    syllables = ", ".join(f"'{s}'" for s in every)
    connection.execute(
        f"""
        create or replace macro chance(a, b) as (hash(a, b, {seed}) % 1000003) / 1000003.0;
        create or replace macro syllable(a, b) as
            list_extract([{syllables}], 1 + (hash(a, b, {seed}) % {len(every)})::int);
        create or replace macro word(n, b) as
            syllable(n, b) || syllable(n, b || '2') || syllable(n, b || '3');
        create or replace macro often(a, b, n) as (n * pow(chance(a, b), 3))::int;
        create or replace macro typo(v, a, b) as case
            when chance(a, b || 'gone') < 0.08 then null
            when chance(a, b || 'typo') >= 0.12 or length(v) < 3 then v
            when chance(a, b || 'kind') < 0.5
                then left(v, 1 + (hash(a, b, 5) % (length(v) - 1))::int)
                    || substr(v, 3 + (hash(a, b, 5) % (length(v) - 1))::int)
            else left(v, 1 + (hash(a, b, 6) % (length(v) - 1))::int) || 'e'
                || substr(v, 2 + (hash(a, b, 6) % (length(v) - 1))::int) end;
        """
    )
    connection.execute(
        f"""
        create or replace table made as
        with r as (
            select i + 1 as unique_id, case when i < {records} * 4 // 5 then i
                else (hash(i, {seed}) % ({records} * 4 // 5))::bigint end as p,
                i >= {records} * 4 // 5 as again
            from range({records}) as t(i)
        ),
        people as (
            select *, word(often(p, 'given', 2000), 'g') as given,
                word(often(p, 'family', 12000), 'f') as family,
                case when again and chance(unique_id, 'moved') < 0.15 then unique_id else p end as h
            from r
        )
        select unique_id, p as person,
            typo(given, unique_id, 'given') as given_name,
            typo(family, unique_id, 'family') as surname,
            typo(1 + (hash(h, 'no') % 120)::int || ' '
                || word(often(h, 'street', 30000), 's') || ' street', unique_id, 'street')
                as street,
            typo(lpad((often(h, 'post', 9000) + 1000)::varchar, 5, '0'), unique_id, 'post')
                as postcode,
            typo(word(often(h, 'post', 9000), 't'), unique_id, 'town') as town,
            typo(strftime(date '1935-01-01' + (hash(p, 'born') % 27000)::int, '%Y-%m-%d'),
                unique_id, 'born') as birth_date,
            case when chance(p, 'phone') < 0.7
                then typo('0' || (100000000 + hash(p, 'ph') % 899999999)::varchar, unique_id, 'ph')
                end as phone,
            case when chance(p, 'mail') < 0.6
                then typo(given || '.' || family || (hash(p, 'ml') % 90)::varchar
                    || '@example.com', unique_id, 'ml') end as email
        from people
        """  # noqa: S608 - constants
    )
    connection.execute(
        """
        create or replace table truth as select unique_id, person from made;
        create or replace table records as select * exclude (person) from made;
        drop table made;
        """
    )
