"""What the seeded workspace says and asks: audiences, the journey, its messages, two reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAMES = [
    ("佐藤 美咲", "ja", "Asia/Tokyo"),
    ("Olivia Bennett", "en", "America/New_York"),
    ("鈴木 健太", "ja", "Asia/Tokyo"),
    ("Marcus Hale", "en", "America/New_York"),
    ("高橋 由美子", "ja", "Asia/Tokyo"),
    ("Priya Raman", "en", "America/Chicago"),
    ("Daniel Ortiz", "en", "America/New_York"),
    ("﨑山 翔", "ja", "Asia/Tokyo"),
    ("Grace O'Neill <script>alert(1)</script>", "en", "America/New_York"),
    ("Tomás Ferreira", "en", "America/New_York"),
]
JOURNEY = {
    "title": {"en": "Coupon reminder", "ja": "クーポンのお知らせ"},
    "entry": {"audience": "coupons_unused"},
    "holdout": 0.1,
    "start": "first_mail",
    "nodes": {
        "first_mail": {"kind": "send", "message": "coupon_reminder", "next": "wait_for_coupon"},
        "wait_for_coupon": {
            "kind": "wait",
            "event": "Coupon Redeemed",
            "within": "7 days",
            "then": "done",
            "otherwise": "second_mail",
        },
        "second_mail": {"kind": "send", "message": "coupon_last_call", "next": "done"},
        "done": {"kind": "end"},
    },
    "goal": {"event": "Coupon Redeemed", "within": "28 days"},
}
AUDIENCES = {
    "coupons_unused": {
        "title": {"en": "Coupons not used yet", "ja": "クーポン未使用のお客様"},
        "rule": (
            "coupon_campaign = '18'\nand email is not null\n"
            "and did('Order Completed', within => '90 days') >= 1\n"
            "and did('Coupon Redeemed', within => '3 days') = 0"
        ),
    },
    "regulars": {
        "title": {"en": "Regulars of the last month", "ja": "この1か月の常連のお客様"},
        "rule": "did('Order Completed', within => '30 days') >= 4",
    },
}
POLICY = {
    "quiet_hours": {"from": "21:00", "to": "08:00"},
    "caps": [{"channel": "email", "limit": 1, "within": "3 days"}],
    "default_zone": "America/New_York",
}


def message(first: bool) -> dict[str, Any]:
    """A message document in both languages."""
    subject = {
        "en": "Your coupons are waiting" if first else "Last days for your coupons",
        "ja": "クーポンをお忘れではありませんか" if first else "クーポンの期限が近づいています",
    }
    hello = {"en": "Hello {{ customer.name }}", "ja": "{{ customer.name }} 様"}
    body = {
        "en": "Your coupons are valid until Christmas Eve. Show them at the till.",
        "ja": "クーポンは12月24日までお使いいただけます。レジでご提示ください。",
    }
    leave = {"en": "Stop these mails", "ja": "配信を停止する"}
    return {
        "title": {
            "en": "Coupon reminder" if first else "Last call for coupons",
            "ja": "クーポンのお知らせ" if first else "クーポン最終のご案内",
        },
        "channel": "email",
        "purpose": "marketing",
        "languages": {
            code: {
                "subject": subject[code],
                "mjml": (
                    "<mjml><mj-body><mj-section><mj-column>"
                    f"<mj-text>{hello[code]}</mj-text><mj-text>{body[code]}</mj-text>"
                    f'<mj-button href="https://shop.example/coupons">{subject[code]}</mj-button>'
                    f'<mj-text><a href="{{{{ unsubscribe_url }}}}">{leave[code]}</a></mj-text>'
                    "</mj-column></mj-section></mj-body></mjml>"
                ),
                "text": f"{hello[code]}\n\n{body[code]}\n\n{{{{ unsubscribe_url }}}}\n",
            }
            for code in ("en", "ja")
        },
    }


REPORTS: dict[str, Any] = json.loads((Path(__file__).parent / "reports.json").read_text())
