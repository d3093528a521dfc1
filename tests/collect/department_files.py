"""Files as departments' systems export them, made up, for the ready mappings."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import msgspec

_PLAIN = "%Y-%m-%d %H:%M:%S"
_START = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)


def _csv(rows: list[dict[str, object]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    told = io.StringIO()
    names = list(rows[0])
    writer = csv.DictWriter(told, names, restval="", delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return told.getvalue().encode(encoding)


def _at(n: int, form: str = "%Y-%m-%dT%H:%M:%S.000+0000") -> str:
    return (_START + timedelta(minutes=37 * n)).strftime(form)


def crm_contacts() -> bytes:
    return _csv(
        [
            {
                "Id": f"003{n:015}", "AccountId": f"001{n % 3:015}", "LastName": "Sato",
                "FirstName": "Hana", "Email": f"hana{n}@example.com", "Phone": "03-1234-5678",
                "MobilePhone": "" if n % 2 else "090-1111-2222", "MailingCity": "Tokyo",
                "CreatedDate": _at(n), "LastModifiedDate": _at(n + 100),
            }
            for n in range(12)
        ]
    )  # fmt: skip


def crm_deals() -> bytes:
    stages = ("Prospecting", "Closed Won", "Closed Lost")
    return _csv(
        [
            {
                "Id": f"006{n:015}", "AccountId": f"001{n:015}", "ContactId": f"003{n:015}",
                "Name": f"Deal {n}", "StageName": stages[n % 3], "Amount": f"{n * 1000}.0",
                "CloseDate": "2024-04-30", "LastModifiedDate": _at(n),
            }
            for n in range(12)
        ]
    )  # fmt: skip


def shop_orders() -> bytes:
    rows: list[dict[str, object]] = []
    for n in range(6):
        head: dict[str, object] = {
            "Name": f"#{1001 + n}", "Email": f"buyer{n}@example.com", "Financial Status": "paid",
            "Currency": "JPY", "Subtotal": "3000.00", "Shipping": "500.00", "Taxes": "300.00",
            "Total": "3800.00", "Discount Code": "SPRING",
            "Created at": _at(n, "%Y-%m-%d %H:%M:%S +0900"), "Billing Phone": "+81 90 1111 2222",
        }  # fmt: skip
        lines = [
            {"Lineitem quantity": 1, "Lineitem name": f"Tea {m}", "Lineitem price": "1000.00",
             "Lineitem sku": f"T-{m}"}
            for m in range(3)
        ]  # fmt: skip
        rows += [head | lines[0], *({"Name": head["Name"]} | line for line in lines[1:])]
    return _csv(rows)


def order_lines() -> bytes:
    return _csv(
        [
            {
                "InvoiceNo": f"{'C' if n // 3 == 2 else ''}{536365 + n // 3}",
                "StockCode": f"8512{n}", "Description": "LAMP",
                "Quantity": -6 if n // 3 == 2 else 6,
                "InvoiceDate": _at(n // 3, "%Y-%m-%d %H:%M:%S"), "UnitPrice": "2.55",
                "CustomerID": "" if n // 3 == 3 else "17850", "Country": "France",
            }
            for n in range(12)
        ]
    )  # fmt: skip


def shop_carts() -> bytes:
    return _csv(
        [
            {
                "cart_id": f"c{n // 2}", "customer_id": "" if n < 2 else f"u{n // 2}",
                "email": f"a{n // 2}@example.com", "updated_at": _at(n // 2), "sku": f"s{n}",
                "product_name": "Cup", "quantity": 2, "price": "12.50", "currency": "EUR",
            }
            for n in range(8)
        ]
    )  # fmt: skip


def support_tickets() -> bytes:
    form = "%Y-%m-%d %H:%M:%S"
    return _csv(
        [
            {
                "Id": n, "Requester email": f"r{n}@example.com", "Subject": 'It says "no"',
                "Status": "Solved" if n % 2 else "Open", "Priority": "High", "Group": "Care",
                "Created at": _at(n, form), "Solved at": _at(n + 9, form) if n % 2 else "",
                "Satisfaction Score": "good", "Reopens": 0,
            }
            for n in range(8)
        ]
    )  # fmt: skip


def ticket_steps() -> bytes:
    return _csv(
        [
            {"CaseID": n // 3, "ActivityID": n % 3, "CompleteTimestamp": _at(n, _PLAIN)}
            for n in range(9)
        ]
    )  # fmt: skip


def call_center() -> bytes:
    outcomes = ("AGENT", "HANG", "PHANTOM")
    return _csv(
        [
            {
                "vru+line": "AA0101", "call_id": 34536 + n, "customer_id": 0 if n % 2 else 2331 + n,
                "priority": 2, "type": "PS", "date": "990201", "vru_entry": f"7:{n:02}:47",
                "vru_time": 6, "q_time": 12, "outcome": outcomes[n % 3], "ser_time": 90,
                "server": "NO_SERVER" if n % 3 else "TOVA",
            }
            for n in range(9)
        ],
        delimiter="\t",
    )  # fmt: skip


def call_log_ja() -> bytes:
    results = ("応答", "放棄", "転送", "途中切断")
    return _csv(
        [
            {
                "通話ID": f"T{n}", "着信日時": f"2024/03/01 9:{n:02}:00", "顧客番号": f"{n:08}",
                "発信者番号": f"0901234{n:04}", "待ち時間": "１２", "通話時間": "1,234",
                "結果": results[n % 4], "用件": "住所変更", "担当者": "髙橋",
            }
            for n in range(8)
        ],
        "cp932",
    )  # fmt: skip


def pos_receipts_ja() -> bytes:
    return _csv(
        [
            {
                "店舗コード": "0012", "店舗名": "渋谷店", "売上日": "令和6年3月1日",
                "売上時刻": f"{10 + n // 2}:05", "レシート番号": f"{n // 2:04}",
                "会員番号": f"M{n // 2}" if n // 2 % 2 else "", "商品コード": f"490{n}",
                "商品名": "おにぎり①", "数量": "２", "単価": "１５０",
                "金額": "△300" if n == 3 else "300",
                "支払方法": "現金",
            }
            for n in range(8)
        ],
        "cp932",
    )  # fmt: skip


def orders_ja() -> bytes:
    return _csv(
        [
            {
                "受注番号": f"J{n // 2}", "受注日時": f"2024/3/{n // 2 + 1} 12:00",
                "顧客番号": f"{n // 2:06}", "メールアドレス": f"k{n // 2}@example.jp",
                "商品コード": f"P{n}", "商品名": "緑茶", "数量": "2", "単価": "1,080",
                "受注状態": "キャンセル" if n // 2 == 1 else "出荷済",
            }
            for n in range(8)
        ],
        "cp932",
    )  # fmt: skip


def contacts_ja() -> bytes:
    return _csv(
        [
            {
                "顧客番号": f"{n:06}", "氏名": "﨑山　髙子", "氏名カナ": "ｻｷﾔﾏ ﾀｶｺ",
                "生年月日": f"昭和{n + 50}年1月7日", "郵便番号": "150-0002",
                "住所": "東京都渋谷区渋谷1-1-1",
                "電話番号": "０９０－１２３４－５６７８", "メールアドレス": f"s{n}@example.jp",
                "登録日": "H31.4.1", "更新日": f"R6.3.{n + 1}",
            }
            for n in range(8)
        ],
        "cp932",
    )  # fmt: skip


def mail_events() -> bytes:
    kinds = ("processed", "delivered", "open", "click", "bounce", "unsubscribe")
    rows = [
        {
            "email": f"m{n}@example.com", "timestamp": 1_709_251_200 + n, "event": kinds[n % 6],
            "sg_event_id": f"e{n}", "sg_message_id": "m1", "category": ["news"],
            **({"url": "https://example.com"} if kinds[n % 6] == "click" else {}),
        }
        for n in range(12)
    ]  # fmt: skip
    return b"\n".join(map(msgspec.json.encode, rows))


def policies() -> bytes:
    return _csv(
        [
            {
                "policy_no": f"P{n}", "policyholder_id": f"h{n}", "insured_id": f"i{n}",
                "product": "Term life", "status": "active", "start_date": "2020-04-01",
                "end_date": "2030-03-31", "premium": "120.50", "updated_at": _at(n),
            }
            for n in range(5)
        ]
    )  # fmt: skip


def policies_ja() -> bytes:
    rows: list[bytes] = []
    widths = (12, 10, 10, 24, 7, 7, 11, 1, 8)
    for n in range(6):
        cells = (
            f"SN{n:010}", f"{n:010}", f"{n + 1:010}", "定期保険（髙）", "4300401", "5220331",
            "△１２０" if n == 5 else "12,000", "1239"[n % 4], "20240301",
        )  # fmt: skip
        rows.append(
            b"".join(cell.encode("cp932").ljust(w) for cell, w in zip(cells, widths, strict=True))
        )
    return b"\r\n".join(rows) + b"\r\n\x1a"


# By ready mapping: the file, how many events it has and of which names, in the order of the names.
FILES = {
    "crm-contacts": (crm_contacts, {"": 12}),
    "crm-deals": (crm_deals, {"Deal Lost": 4, "Deal Moved": 4, "Deal Won": 4}),
    "shop-orders": (shop_orders, {"Order Completed": 6}),
    "order-lines": (order_lines, {"Order Cancelled": 1, "Order Completed": 3}),
    "shop-carts": (shop_carts, {"Cart Updated": 4}),
    "support-tickets": (support_tickets, {"Ticket Opened": 8, "Ticket Solved": 4}),
    "ticket-steps": (ticket_steps, {"Ticket Step Completed": 9}),
    "call-center": (call_center, {"Call Abandoned": 3, "Call Answered": 3, "Call Dropped": 3}),
    "call-log-ja": (
        call_log_ja,
        {"Call Abandoned": 4, "Call Answered": 2, "Call Transferred": 2},
    ),
    "pos-receipts-ja": (pos_receipts_ja, {"Order Completed": 4}),
    "orders-ja": (orders_ja, {"Order Cancelled": 1, "Order Completed": 3}),
    "contacts-ja": (contacts_ja, {"": 8}),
    "mail-events": (
        mail_events,
        {
            "Email Bounced": 2, "Email Delivered": 2, "Email Link Clicked": 2, "Email Opened": 2,
            "Email Processed": 2, "Unsubscribed": 2,
        },
    ),
    "policies": (policies, {"Policy Updated": 5}),
    "policies-ja": (
        policies_ja,
        {"Policy Cancelled": 1, "Policy Lapsed": 2, "Policy Matured": 1, "Policy Updated": 2},
    ),
}  # fmt: skip
