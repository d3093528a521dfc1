"""What columns are called, in English and Japanese, by what they hold.

A name is compared without case, spaces and signs: `Customer ID`, `customer_id` and
`customerId` are one.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[\s_\-./()（）【】\[\]:：・#＃]+")

# The most telling first. A name of four characters or more also counts as part of a longer one.
KNOWN: dict[str, tuple[str, ...]] = {
    "user_id": (
        "userid", "customerid", "customerno", "customernumber", "memberid", "membernumber",
        "memberno", "contactid", "clientid", "accountid", "policyholderid", "requesterid",
        "subscriberid", "顧客番号", "顧客id", "顧客コード", "会員番号", "会員id", "会員no",
        "お客様番号", "お客様id", "お客様コード", "契約者番号", "得意先コード", "取引先コード",
        "customer", "user", "member", "顧客", "会員",
    ),
    "email": ("email", "emailaddress", "mailaddress", "mail", "メールアドレス", "メール",
              "eメール", "電子メール"),
    "phone": ("phone", "phonenumber", "tel", "telephone", "mobile", "mobilephone", "callerid",
              "電話番号", "携帯番号", "電話", "携帯電話", "連絡先電話番号"),
    "at": (
        "timestamp", "datetime", "eventtime", "occurredat", "happenedat", "createdat", "created",
        "orderdate", "invoicedate", "purchasedate", "transactiondate", "calldate", "date",
        "completetimestamp", "updatedat", "time", "日時", "発生日時", "受注日時", "注文日時",
        "購入日時", "売上日時", "取引日時", "受付日時", "応対日時", "送信日時", "登録日時",
        "受注日", "注文日", "購入日", "売上日", "取引日", "受付日", "計上日", "伝票日付", "日付",
        "年月日", "契約日", "登録日", "更新日",
    ),
    "clock": ("time", "starttime", "時刻", "時間", "開始時刻", "取引時刻", "受付時刻", "売上時刻"),
    "event": (
        "event", "eventname", "eventtype", "activity", "activityid", "action", "outcome",
        "イベント", "イベント名", "処理区分", "取引区分", "取引種別", "区分", "種別", "ステータス",
        "status", "result", "結果", "type",
    ),
    "row_id": (
        "messageid", "eventid", "transactionid", "callid", "logid", "rowid", "uuid", "id",
        "取引番号", "明細番号", "通話id", "通番", "連番", "管理番号",
    ),
    "whole": (
        "orderid", "orderno", "ordernumber", "invoiceno", "invoiceid", "invoicenumber",
        "receiptno", "receiptid", "receiptnumber", "transactionno", "basketid", "cartid",
        "caseid", "caseno", "ticketid", "ticketno", "ticketnumber", "callid", "calllogid",
        "sessionid", "案件番号", "問い合わせ番号", "問合せ番号", "受付番号", "通話id",
        "受注番号", "注文番号", "伝票番号", "レシート番号", "請求書番号", "取引番号", "売上番号",
    ),
}  # fmt: skip
_SHORTEST_PART = 4


def plain(name: str) -> str:
    """The name as it is compared."""
    return _PLAIN.sub("", name).lower()


def rank(name: str, role: str) -> int | None:
    """How well a column's name tells that it plays the role: 0 is best, None not at all."""
    told = plain(name)
    known = KNOWN[role]
    if told in known:
        return known.index(told)
    parts = [at for at, word in enumerate(known) if len(word) >= _SHORTEST_PART and word in told]
    return len(known) + parts[0] if parts else None
