"""Texts of the settings page."""

from tsunagu.console.phrases import Phrase

title = Phrase("設定", "Settings")
sub = Phrase(
    "このワークスペースの鍵、担当者、緊急停止と、環境の状態です。",
    "Keys, operators and the emergency stop of this workspace, and how it is installed.",
)

stop_title = Phrase("配信の緊急停止", "Emergency stop")
stop_help = Phrase(
    "このワークスペースからの配信をすべて、すぐに止めます。ジャーニーの判断は続きます。",
    "Stops everything this workspace sends, at once. Journeys go on deciding.",
)
stop_state_on = Phrase("配信は動いています", "Sends are running")
stop_state_off = Phrase("配信は止まっています", "Sends are stopped")
stop_button = Phrase("配信を止める", "Stop all sends")
resume_button = Phrase("配信を再開する", "Resume sends")
stop_question = Phrase("「{name}」の配信をすべて止めますか", "Stop all sends of “{name}”?")
stop_effect = Phrase(
    "送信待ちの{n}通（{people}人）が、再開するまで送られません。期限を過ぎたものは送られずに終わります。",
    "{n} waiting messages to {people} customers stay until you resume; those whose time runs out "
    "meanwhile are not sent.",
)
stop_effect_none = Phrase(
    "いま送信待ちのものはありません。これから判断されるものが、再開するまで待ちます。",
    "Nothing is waiting now. What is decided from now on waits until you resume.",
)
stop_undo_note = Phrase("いつでも再開できます。", "You can resume at any time.")
stopped_now = Phrase("配信を止めました", "All sends are stopped")
resumed_now = Phrase("配信を再開しました", "Sends are running again")
waiting_now = Phrase("送信待ち {n}通", "{n} waiting", one="{n} waiting")

keys = Phrase("APIキー", "API keys")
keys_help = Phrase(
    "書き込みキーはイベントを送るため、APIキーはプロフィールを読むためのものです。",
    "Write keys send events; API keys read profiles.",
)
new_key = Phrase("キーを作る", "Create a key")
no_keys = Phrase("キーがまだありません", "There are no keys yet")
no_keys_help = Phrase(
    "書き込みキーを作ると、イベントを送りはじめられます。",
    "Create a write key to start sending events.",
)
key_kind = Phrase("種類", "Kind")
key_write = Phrase("書き込み", "Write")
key_api = Phrase("API", "API")
key_analyst = Phrase("分析(SQL)", "Analyst (SQL)")
key_source = Phrase("送り元", "Source")
key_source_help = Phrase("例: web、pos、crm", "For example web, pos, crm")
key_pages = Phrase("使ってよいウェブページ", "Web pages that may use it")
key_pages_help = Phrase(
    "1行に1つ、例: https://*.shop.example。空ならすべてのページから使えます。",
    "One a line, such as https://*.shop.example. Left empty, every page may.",
)
key_no_pages = Phrase("サーバーだけで使う（どのページからも使えない）", "Servers only, no web page")
pages_all = Phrase("すべてのページ", "all pages")
pages_none = Phrase("サーバーのみ", "servers only")
change_pages = Phrase("ページを変える", "Change pages")
pages_title = Phrase("「{name}」を使えるページ", "Pages that may use “{name}”")
pages_changed = Phrase("数秒後から有効になります", "It takes effect within seconds")
save = Phrase("保存する", "Save")
created = Phrase("作成", "Created")
revoked = Phrase("失効", "Revoked")
revoke = Phrase("失効させる", "Revoke")
revoke_question = Phrase("「{name}」を失効させますか", "Revoke “{name}”?")
revoke_effect = Phrase(
    "このキーを使う送り手は、数秒後から受け付けられなくなります。元には戻せません。",
    "Whoever uses this key is refused within seconds. This cannot be undone.",
)
key_shown_once = Phrase(
    "このキーはいま一度だけ表示されます。安全な場所に控えてください。",
    "This key is shown only now. Keep it somewhere safe.",
)
create = Phrase("作成する", "Create")
done = Phrase("控えました", "I have kept it")
name_needed = Phrase("名前を入れてください", "Give it a name")

operators = Phrase("担当者", "Operators")
operators_help = Phrase(
    "このコンソールにサインインできる人です。すべてのワークスペースを見られます。",
    "Who can sign in here. Operators see every workspace.",
)
new_operator = Phrase("担当者を加える", "Add an operator")
since = Phrase("{at} から", "since {at}")
you = Phrase("あなた", "You")
remove = Phrase("外す", "Remove")
remove_question = Phrase("「{name}」を担当者から外しますか", "Remove “{name}” from the operators?")
remove_effect = Phrase(
    "この人はサインインできなくなり、開いている画面からも操作できません。",
    "They can no longer sign in, nor change anything from pages they have open.",
)
password_help = Phrase("8文字以上", "At least 8 characters")

workspaces = Phrase("ワークスペース", "Workspaces")
workspaces_help = Phrase(
    "互いのお客様は見えません。", "Workspaces cannot see each other's customers."
)
zone = Phrase("地域の時刻", "Zone")
currency = Phrase("通貨", "Currency")
clock = Phrase("時刻", "Clock")
clock_wall = Phrase("実時刻", "Wall clock")
clock_driven = Phrase("再生 {at}", "Replay at {at}")
here = Phrase("表示中", "This one")

installation = Phrase("この環境", "This installation")
data_folder = Phrase("データフォルダー", "Data folder")
database_size = Phrase("データベースの大きさ", "Database size")
collect_address = Phrase("イベントの受け口", "Events go to")

audit = Phrase("最近の操作", "What operators did")
no_audit = Phrase("操作の記録はまだありません。", "Nothing on record yet.")
ACTIONS: dict[str, Phrase] = {
    "sends.stop": Phrase("配信を止めました", "stopped all sends"),
    "sends.resume": Phrase("配信を再開しました", "resumed sends"),
    "key.create": Phrase("キーを作りました", "created a key"),
    "key.pages": Phrase("キーを使えるページを変えました", "changed the pages of a key"),
    "key.revoke": Phrase("キーを失効させました", "revoked a key"),
    "operator.create": Phrase("担当者を加えました", "added an operator"),
    "operator.remove": Phrase("担当者を外しました", "removed an operator"),
}
