"""Texts that every page shares: rooms, sign-in, lists, what to do when something fails."""

from tsunagu.console.phrases import Phrase

overview = Phrase("概要", "Overview")
customers = Phrase("お客様", "Customers")
audiences = Phrase("オーディエンス", "Audiences")
journeys = Phrase("ジャーニー", "Journeys")
content = Phrase("コンテンツ", "Content")
insights = Phrase("インサイト", "Insights")
data = Phrase("データ", "Data")
settings = Phrase("設定", "Settings")
more = Phrase("その他", "More")
rooms = Phrase("メインメニュー", "Main menu")

sign_in = Phrase("サインイン", "Sign in")
sign_in_to = Phrase("運用コンソールにサインイン", "Sign in to the console")
operator_name = Phrase("担当者名", "Operator name")
password = Phrase("パスワード", "Password")
wrong_password = Phrase(
    "担当者名かパスワードが違います。もう一度お確かめください。",
    "That name and password do not match. Check both and try again.",
)
too_many_attempts = Phrase(
    "続けて失敗したため、しばらく受け付けません。1分ほど待ってからお試しください。",
    "Too many wrong tries. Wait a minute, then try again.",
)
first_operator = Phrase(
    "最初の担当者は、起動したときに画面に表示されます。",
    "The first operator was shown in the terminal when Tsunagu started.",
)
sign_out = Phrase("サインアウト", "Sign out")
signed_in_as = Phrase("{name} さん", "Signed in as {name}")
workspace = Phrase("ワークスペース", "Workspace")

business_time = Phrase("業務時刻", "Business time")
driven_clock = Phrase(
    "このワークスペースの時刻は再生ドライバーが進めています。",
    "The clock of this workspace is moved by a replay, not by the wall.",
)
synthetic = Phrase("合成データ", "Synthetic")
synthetic_help = Phrase(
    "検証のために作った値です。実在のお客様の情報ではありません。",
    "Made up for this demonstration; it describes no real person.",
)
sends_stopped = Phrase("配信を緊急停止しています。", "All sends are stopped.")
sends_stopped_help = Phrase(
    "このワークスペースからは一通も送られません。",
    "Nothing leaves this workspace until you resume.",
)
go_to_settings = Phrase("設定を開く", "Open settings")

cannot_load = Phrase("読み込めませんでした", "This part could not be loaded")
cannot_load_help = Phrase(
    "データベースに届かないか、応答に時間がかかっています。少し待って、もう一度お試しください。"
    "続くときは `tsunagu doctor` で原因を確かめられます。",
    "The database cannot be reached or took too long. Wait a moment and try again; if it stays, "
    "`tsunagu doctor` says what is wrong.",
)
try_again = Phrase("もう一度読み込む", "Try again")
not_found = Phrase("見つかりません", "Not found")
no_such_page = Phrase("このページはありません", "There is no such page")
no_such_page_help = Phrase(
    "アドレスが変わったか、このワークスペースにはないものです。",
    "The address has changed, or it belongs to another workspace.",
)
back_to_overview = Phrase("概要へ戻る", "Back to the overview")
no_workspace = Phrase("ワークスペースがまだありません", "There is no workspace yet")
no_workspace_help = Phrase(
    "`tsunagu serve` を一度起動するか、`script/demo` を実行すると作られます。",
    "Start `tsunagu serve` once, or run `script/demo`, and one is made.",
)

search = Phrase("検索", "Search")
show_more = Phrase("続きを表示", "Show more")
nothing_matches = Phrase("一致するものがありません", "Nothing matches")
nothing_matches_help = Phrase(
    "つづりを確かめるか、短い言葉で探してみてください。", "Check the spelling, or search for less."
)
name = Phrase("名前", "Name")
reason = Phrase("理由", "Reason")
when = Phrase("日時", "When")
times_in = Phrase("時刻はすべて {zone} で表示しています。", "All times are shown in {zone}.")
version = Phrase("第{n}版", "Version {n}")
cancel = Phrase("やめる", "Cancel")
copy = Phrase("コピー", "Copy")
copied = Phrase("コピーしました", "Copied")
open_customer = Phrase("お客様を開く", "Open the customer")
back = Phrase("一覧へ戻る", "Back to the list")
people = Phrase("{n}人", "{n} people", one="{n} person")
