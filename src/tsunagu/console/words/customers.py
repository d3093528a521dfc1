"""Texts of the customer list and the customer page."""

from tsunagu.console.phrases import Phrase

title = Phrase("お客様", "Customers")
sub = Phrase(
    "名前、メールアドレス、会員番号などの識別子で探せます。",
    "Find anyone by name, e-mail, or any identifier they were ever known by.",
)
search_hint = Phrase("名前・メール・識別子", "Name, e-mail or identifier")
customer = Phrase("お客様", "Customer")
known_as = Phrase("識別子", "Known as")
events = Phrase("イベント", "Events")
last_seen = Phrase("最終", "Last seen")
in_audiences = Phrase("オーディエンス", "Audiences")
nobody = Phrase("まだお客様がいません", "There are no customers yet")
nobody_help = Phrase(
    "最初のイベントが届くと、お客様がここに現れます。送り方は「概要」にあります。",
    "They appear with the first event. The overview shows how to send one.",
)
no_name = Phrase("名前のないお客様", "No name known")

traits = Phrase("属性", "Traits")
no_traits = Phrase("属性はまだありません。", "No traits are known yet.")
identifiers = Phrase("識別子と根拠", "Identifiers and evidence")
edge = Phrase("{source} から {at}", "From {source}, {at}")
linked = Phrase("同じ人とみなした根拠", "Why these are one person")
no_evidence = Phrase("識別子は一つだけです。", "There is only one identifier.")
merged_ids = Phrase(
    "別々に記録されていた {n}件を一人にまとめています。",
    "{n} separate records turned out to be this person.",
    one="{n} separate record turned out to be this person.",
)
audiences = Phrase("オーディエンス", "Audiences")
member_since = Phrase("{at} から", "since {at}")
no_audiences = Phrase("どのオーディエンスにも入っていません。", "In no audience.")
consents = Phrase("同意", "Consent")
granted = Phrase("同意あり", "Granted")
withdrawn = Phrase("同意なし", "Withdrawn")
no_consents = Phrase(
    "同意の記録がありません。同意がない間は、お知らせは送られません。",
    "No consent is recorded, so nothing but mandatory notices is sent.",
)
suppressed = Phrase("送らない宛先: {reason}", "Suppressed address: {reason}")
scores = Phrase("スコア", "Scores")
score_as_of = Phrase("{at} 時点", "as of {at}")
no_scores = Phrase("スコアはまだありません。", "No score yet.")
journeys = Phrase("ジャーニー", "Journeys")
entered = Phrase("{at} に参加", "Entered {at}")
stands_at = Phrase("現在「{node}」", "Now at {node}")
until = Phrase("{at} まで", "until {at}")
no_journeys = Phrase("参加したジャーニーはありません。", "Never entered a journey.")
sends = Phrase("送った・送らなかった理由", "Why sent, why not")
no_sends = Phrase(
    "送るかどうかを判断したことはありません。", "Nothing has ever been decided for this customer."
)
see_mail = Phrase("控えを見る", "See the copy")
timeline = Phrase("タイムライン", "Timeline")
since = Phrase("{at} からのお客様", "Known since {at}")
events_in_all = Phrase("イベント {n}件", "{n} events", one="{n} event")
