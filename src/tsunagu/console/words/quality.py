"""Texts of the quality page: how good the customer data of each source is, what to mend first."""

from tsunagu.console.phrases import Phrase

sub = Phrase(
    "お客様のデータが、どの取り込み元から、どれだけ使える形で届いているかを示します。",
    "How usable the customer data is that each source brings, and where to mend it.",
)
PERIODS = {
    7: Phrase("7日間", "7 days"),
    30: Phrase("30日間", "30 days"),
    90: Phrase("90日間", "90 days"),
}
from_to = Phrase("{since} から {until} まで", "{since} to {until}")

VERDICTS = {
    "good": Phrase("良好", "Good"),
    "placeholder": Phrase("仮の値", "Placeholder"),
    "unreadable": Phrase("読み取れない", "Unreadable"),
    "shared": Phrase("多人数で同じ", "Shared by many"),
    "held": Phrase("照合から除外", "Held back"),
    "missing": Phrase("未記入", "Missing"),
}
MEANINGS = {
    "good": Phrase("その項目の値として読める", "a value of its kind"),
    "placeholder": Phrase("「テスト」「000-0000」など", "such as “test” or 000-0000"),
    "unreadable": Phrase("形式違い、実在しない値", "wrong form, or does not exist"),
    "shared": Phrase("本人のものとは言えない値", "cannot be one person's own"),
    "held": Phrase("識別子だが、照合に使わない値", "an identifier that joins nobody"),
    "missing": Phrase("値が届いていない", "no value came"),
}

FINDINGS = {
    "placeholder": Phrase("{column}の {share} が仮の値です", "{column}: {share} are placeholders"),
    "unreadable": Phrase("{column}の {share} が読み取れません", "{column}: {share} cannot be read"),
    "shared": Phrase(
        "{column}の {share} が、多くのお客様で同じ値です",
        "{column}: {share} have a value that many share",
    ),
    "held": Phrase(
        "{column}の {share} が、照合から除外されています", "{column}: {share} are held back"
    ),
    "missing": Phrase("{column}が {share} のお客様で未記入です", "{column}: {share} are missing"),
}
ADVICE = {
    "missing": Phrase(
        "入力欄があるか、項目の対応付けから漏れていないかを確かめてください。",
        "See whether it is asked for, and whether the mapping leaves it out.",
    ),
    "placeholder": Phrase(
        "必須の入力欄を任意にするか、仮の値を受け付けないようにしてください。",
        "Make the field optional, or refuse such values where they are typed in.",
    ),
    "shared": Phrase(
        "店舗や代表の連絡先、入力欄の初期値が、お客様の値として届いていないか確かめてください。",
        "Look for the shop's own contact, or a default of the form, sent as the customer's.",
    ),
    "held": Phrase(
        "店舗や共用の連絡先で登録していないか確かめてください。理由は「照合から除外」にあります。",
        "See whether a shop's or a shared contact is entered; Held back says why each was.",
    ),
    "unreadable": Phrase(
        "別の項目の値が入っていないか、対応付けを確かめてください。",
        "See whether the mapping puts another field's value there.",
    ),
}
UNREADABLE = {
    "email": Phrase(
        "入力時に形式を確かめるか、確認のメールを送って、届くアドレスだけを受け付けてください。",
        "Check its form where it is typed in, or confirm it by a mail.",
    ),
    "phone": Phrase(
        "桁の不足や、番号以外の文字が混ざっていないか、入力欄を確かめてください。",
        "Look for missing figures, or words typed beside the number.",
    ),
    "postcode": Phrase(
        "郵便番号から住所を引く入力欄にすると、実在しない番号を防げます。",
        "A form that fills the address from the postcode keeps out those that do not exist.",
    ),
    "birth_date": Phrase(
        "西暦4桁か元号を付けた年月日で送ってください。未来の日付も読み取れない値に数えています。",
        "Send the year with four digits or its era. Days to come are counted here too.",
    ),
    "address": Phrase(
        "番地まで入力されているか、番地の項目が対応付けから漏れていないかを確かめてください。",
        "See whether the house number is asked for, and whether the mapping leaves it out.",
    ),
    "name": Phrase(
        "氏名の欄に、番号やメールアドレスが入っていないか確かめてください。",
        "Look for numbers or e-mail addresses in the field of the name.",
    ),
    "kana": Phrase(
        "フリガナの欄に、漢字やローマ字が入っていないか確かめてください。",
        "Look for kanji or Latin letters in the field of the reading.",
    ),
}
"""What to do about values that are not of their kind, by the kind."""

first_title = Phrase("どこから直すとよいか", "What is worth mending first?")
first_answer = Phrase(
    "影響するお客様が多い順です。まず「{source}」の{column}を見直してください。",
    "By how many customers it touches. Begin with the {column} of “{source}”.",
)
first_none = Phrase(
    "目立つ問題はありません。", "Nothing stands out: the values that came are fine."
)
people_exactly = Phrase("お客様 {n}人", "{n} customers", one="{n} customer")
people_about = Phrase("お客様 約{n}人", "about {n} customers", one="about {n} customer")
how_read = Phrase("色の見方", "How to read the bars")

customers = Phrase("お客様", "Customers")
events_note = Phrase("イベント {n}件", "{n} events", one="{n} event")
joined = Phrase("ほかの取り込み元と共通", "Known elsewhere too")
alone = Phrase("この取り込み元だけ", "Known here alone")
refused = Phrase("処理できなかったイベント", "Events put aside")
refused_note = Phrase("対象期間の未処理と対応済み", "in the period, settled or not")
off_plan = Phrase("計画と違うイベント", "Events off the plan")
off_plan_note = Phrase("確かめた {n}件のうち", "of {n} held against it")
off_plan_none = Phrase("計画と照合していません", "none was held against it")

tells_nothing = Phrase(
    "お客様の属性（identify）は届いていません。行動のイベントだけの取り込み元です。",
    "It tells no traits: it sends what customers do, but identifies nobody.",
)
not_told = Phrase("届いていない項目: {columns}", "Never told: {columns}")
all_looked_at = Phrase(
    "この期間に属性が届いたお客様 {told}人の、最新の値です。",
    "The newest value of each of the {told} customers it told of.",
    one="The newest value of the {told} customer it told of.",
)
some_looked_at = Phrase(
    "属性が届いたお客様 {told}人から無作為に選んだ {n}人の、最新の値です。"
    "割合には上下2ポイントほどの誤差があります。",
    "The newest value of {n} customers, drawn from the {told} it told of. "
    "A share is right within about two points.",
)
late = Phrase(
    "集計はレイクのデータによります。イベントは処理から約30秒、お客様の統合は最大10分遅れて反映されます。",
    "Counted in the lake: events follow in half a minute, merges of customers in ten minutes.",
)

none_yet = Phrase("この期間に届いたイベントはありません", "No events in this period")
none_yet_help = Phrase(
    "期間を広げるか、取り込み元をつないでください。届いたイベントは約30秒後に集計に入ります。",
    "Choose a longer period, or connect a source. Events are counted half a minute after they "
    "come.",
)
to_sources = Phrase("取り込み元を見る", "Go to sources")
too_much = Phrase(
    "データが多く、決められた時間とメモリーでは集計しきれませんでした。期間を短くしてください。",
    "There is too much data for the time and memory allowed. Choose a shorter period.",
)
busy = Phrase(
    "ほかの集計が動いています。少し待ってから、もう一度開いてください。",
    "Other questions are being answered. Open this page again in a moment.",
)
see_quality = Phrase("データ品質を見る", "See data quality")
