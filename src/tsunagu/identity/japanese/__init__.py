"""Japanese names, companies, addresses, phones and dates, written alike before they are compared.

Each `normalise_*` takes any text, never raises, and gives values of bounded length; what it cannot
read it leaves empty. `derive` does it for whole columns (see `derived.py` for their names).
"""

from tsunagu.identity.japanese.addresses import Address, normalise_address, normalise_postcode
from tsunagu.identity.japanese.birth_dates import parse_birth_date
from tsunagu.identity.japanese.companies import Company, normalise_company
from tsunagu.identity.japanese.derived import PARTS, derive
from tsunagu.identity.japanese.names import Name, normalise_name
from tsunagu.identity.japanese.phones import normalise_phone
from tsunagu.identity.japanese.readings import readings_of, romaji_key

__all__ = [
    "PARTS",
    "Address",
    "Company",
    "Name",
    "derive",
    "normalise_address",
    "normalise_company",
    "normalise_name",
    "normalise_phone",
    "normalise_postcode",
    "parse_birth_date",
    "readings_of",
    "romaji_key",
]
