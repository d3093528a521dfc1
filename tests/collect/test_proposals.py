"""`tsunagu map`: what is proposed for a file that nobody has described."""

from __future__ import annotations

from pathlib import Path

import department_files
import pytest
from typer.testing import CliRunner

from tsunagu.collect.files import FileForm, FixedColumn
from tsunagu.collect.mapping import Proposal, load_mapping, propose, read_mapping, write_mapping
from tsunagu.core import Invalid
from tsunagu.runtime.cli import commands

REAL = Path(__file__).parents[3] / "shared" / "data"


def _proposed(folder: Path, text: str | bytes, name: str = "来店記録.csv") -> Proposal:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    proposal = propose(path)
    assert read_mapping(write_mapping(proposal.mapping)) == proposal.mapping
    return proposal


def test_an_unknown_japanese_file(tmp_path: Path) -> None:
    rows = "".join(
        f"{n},{'' if n % 4 else '0'}{n % 5 + 1:04},R6.3.{n % 28 + 1},{n % 24}:05,"
        f"{('来店', '電話')[n % 2]},△{n}00,0{n % 9}\n"
        for n in range(60)
    )
    told = f"管理番号,会員番号,受付日,受付時刻,区分,金額,支店\n{rows}"
    found = _proposed(tmp_path, told.encode("cp932"))
    mapping = found.mapping
    assert (mapping.file.encoding, mapping.file.delimiter) == ("cp932", ",")
    assert mapping.zone == "Asia/Tokyo"
    assert mapping.user_id is not None
    assert mapping.user_id.column == "会員番号"
    assert mapping.at is not None
    assert mapping.at.columns == ("受付日", "受付時刻")
    assert mapping.message_id == ("管理番号",)
    (event,) = mapping.events
    assert event.name is not None
    assert event.name.column == "区分"
    assert event.properties["金額"].type == "integer"
    assert event.properties["支店"].type is None  # 03 is a code, not the number 3
    assert not found.mapped.bad
    told = {reason.field for reason in found.reasons}
    assert {"file", "zone", "at", "user_id", "message_id", "events"} <= told


def test_a_list_of_people_is_traits(tmp_path: Path) -> None:
    rows = "".join(f"m{n},n{n}@example.com,A,2024-01-0{n % 9 + 1}\n" for n in range(30))
    found = _proposed(tmp_path, f"Member ID,E-mail,Rank,Created At\n{rows}", "members.csv")
    (event,) = found.mapping.events
    assert event.type.value == "identify"
    assert set(event.traits) == {"Rank"}
    assert found.mapping.identifiers["email"].column == "E-mail"
    assert "is in no other row" in found.reasons[-1].text


def test_orders_of_which_each_customer_has_one_are_events(tmp_path: Path) -> None:
    rows = "".join(f"o{n},c{n},2024-03-0{n % 9 + 1},{n}.5\n" for n in range(30))
    found = _proposed(tmp_path, f"Order ID,Customer ID,Order Date,Total\n{rows}", "orders.csv")
    (event,) = found.mapping.events
    assert event.type.value == "track"
    assert found.mapping.message_id == ("Order ID",)
    assert event.properties["Total"].type == "number"


def test_lines_of_orders_are_gathered(tmp_path: Path) -> None:
    rows = "".join(
        f"O{n // 3},u{n // 6},{n // 3 % 28 + 1:02}/03/2024,S{n},{n % 4 + 1},1.50,card\n"
        for n in range(90)
    )
    told = f"Order No,Customer ID,Date,SKU,Quantity,Price,Payment\n{rows}"
    found = _proposed(tmp_path, told, "web_sales.csv")
    gather = found.mapping.gather
    assert gather is not None
    assert gather.by == ("Order No",)
    assert set(gather.items) == {"SKU", "Quantity"}
    assert found.mapping.at is not None
    assert found.mapping.at.format == "%d/%m/%Y"
    (event,) = found.mapping.events
    assert event.name is not None
    assert event.name.value == "Web Sales"
    assert set(event.properties) == {"Order No", "Price", "Payment"}
    assert found.mapped.events.num_rows == 30


def test_rows_that_name_nobody_get_a_stand_in(tmp_path: Path) -> None:
    rows = "".join(
        f'{{"id": "e{n}", "x": {n}, "user": {{"customer_id": "{n % 2 and n}"}}}}\n'
        for n in range(40)
    )
    found = _proposed(tmp_path, rows, "clicks.ndjson")
    assert found.mapping.user_id is not None
    assert found.mapping.user_id.column == "user.customer_id"
    assert found.mapping.user_id.blank == ("0",)
    assert found.mapping.stand_in is not None
    assert found.mapping.stand_in.column == "id"
    assert not found.mapped.bad


def test_a_file_without_a_header_and_one_of_fixed_width(tmp_path: Path) -> None:
    rows = "".join(f"{n},2024-03-0{n % 9 + 1},u{n % 3}\n" for n in range(20))
    found = _proposed(tmp_path, rows, "bare.csv")
    assert found.mapping.file.columns == ("column_1", "column_2", "column_3")
    assert found.sample.num_rows == 20
    path = tmp_path / "fixed.txt"
    path.write_bytes("".join(f"M{n:05}R6.3.1  {n:>4}\n" for n in range(9)).encode())
    columns = tuple(
        FixedColumn(name=name, width=width)
        for name, width in (("会員番号", 6), ("日付", 8), ("数", 4))
    )
    fixed = propose(path, FileForm(format="fixed", fixed=columns))
    assert fixed.mapping.file.fixed == columns
    assert not fixed.mapped.bad


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(b"a,b\n")
    with pytest.raises(Invalid, match="has no row that can be read"):
        propose(path)


def test_the_command_writes_the_mapping_and_shows_ten_events(tmp_path: Path) -> None:
    path, out = tmp_path / "receipts.csv", tmp_path / "mapping.yaml"
    path.write_bytes(department_files.pos_receipts_ja())
    result = CliRunner().invoke(commands, ["map", str(path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "ready mapping: pos-receipts-ja" in result.output
    assert "2024-03-01 01:05:00  Order Completed" in result.output
    assert load_mapping(out).gather is not None
    shown = CliRunner().invoke(commands, ["map", str(path), "--map", str(out)])
    assert shown.exit_code == 0, shown.output
    assert "4 events, 0 bad rows" in shown.output or "イベント 4 件" in shown.output
    lost = CliRunner().invoke(commands, ["map", str(path), "--out", str(tmp_path / "no" / "x")])
    assert isinstance(lost.exception, Invalid)


def test_the_command_tells_bad_rows_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "receipts.csv"
    path.write_bytes(department_files.contacts_ja().replace(b"R6.3.4", b"R6.3.99"))
    result = CliRunner().invoke(commands, ["map", str(path), "--map", "contacts-ja"])
    assert result.exit_code == 0, result.output
    assert "line 5: at: 更新日 is 'R6.3.99', which is not a time" in result.output


def test_the_command_lists_ready_mappings_and_takes_widths(tmp_path: Path) -> None:
    result = CliRunner().invoke(commands, ["map"])
    assert "pos-receipts-ja" in result.output
    path = tmp_path / "policies.txt"
    path.write_bytes(department_files.policies_ja())
    widths = "証券番号:12,契約者番号:10,被保険者番号:10,商品名:24"
    widths += ",契約日:7,満期日:7,保険料:11,状態:1,更新日:8"
    shown = CliRunner().invoke(commands, ["map", str(path), "--fixed", widths])
    assert shown.exit_code == 0, shown.output
    assert "6 events, 0 bad rows" in shown.output
