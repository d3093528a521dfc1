"""Texts of the sources page: the list, a source with its runs, and the form for a new one."""

from tsunagu.console.phrases import Phrase

sub = Phrase(
    "データベース、ファイル、API、メールから決めた時刻に取り込みます。Webhook も受け取れます。",
    "Rows from databases, files, APIs and mail on a schedule, and webhooks as they come.",
)
add = Phrase("取り込み元を追加", "Add a source")
hint = Phrase("名前・種類", "Name or kind")
none_yet = Phrase("取り込み元がまだありません", "No sources yet")
none_yet_help = Phrase(
    "「取り込み元を追加」から、接続を確かめ、最初の10行がどのイベントになるかを見てから始められます。",
    "Add one: its connection is tried and its first ten rows are shown as events before it starts.",
)
choose = Phrase("取り込み元を選んでください", "Choose a source")
choose_help = Phrase(
    "状態、最後のエラー、実行の履歴を確かめられます。",
    "See how it is, its last error and its runs.",
)

KINDS = {
    "sql": Phrase("データベース", "Database"),
    "files": Phrase("ファイル・バケット", "Files or bucket"),
    "rest": Phrase("API", "API"),
    "webhook": Phrase("Webhook 受信", "Webhook"),
    "imap": Phrase("メールフォルダー", "Mail folder"),
}
STATES = {
    "new": Phrase("未実行", "Not run yet"),
    "well": Phrase("正常", "Well"),
    "failing": Phrase("失敗", "Failing"),
    "paused": Phrase("停止中", "Paused"),
    "running": Phrase("実行中", "Running"),
}
OUTCOMES = {
    "running": Phrase("実行中", "Running"),
    "done": Phrase("完了", "Done"),
    "stopped": Phrase("中断・続きあり", "Stopped, goes on"),
    "failed": Phrase("失敗", "Failed"),
    "killed": Phrase("強制終了・続きあり", "Killed, goes on"),
}
today = Phrase("本日 {n}件", "{n} events today", one="{n} event today")
never = Phrase("まだ実行していません", "Not run yet")
ago = Phrase("{span}前に成功", "Well {span} ago")

run_now = Phrase("今すぐ実行", "Run now")
pause = Phrase("停止", "Pause")
resume = Phrase("再開", "Resume")
edit = Phrase("変更", "Change")
reset = Phrase("最初から", "Start over")
remove = Phrase("削除", "Remove")
asked = Phrase("実行を頼みました。まもなく始まります。", "It will begin in a moment.")

last_error = Phrase("最後のエラー", "Last error")
what_to_do = Phrase(
    "直したら「今すぐ実行」を押してください。止まったところから続きます。",
    "Once it is mended, press Run now. It goes on where it stopped.",
)
will_retry = Phrase("{at} に自動でもう一度試します。", "It is tried again by itself at {at}.")
kind = Phrase("種類", "Kind")
mapping = Phrase("対応表", "Mapping")
own_mapping = Phrase("この取り込み元のもの", "Its own")
schedule = Phrase("予定", "Schedule")
on_demand = Phrase("手動のみ", "Only when asked")
when_sent = Phrase("届いたとき", "When the other side sends")
next_run = Phrase("次回", "Next run")
last_ok = Phrase("最後の成功", "Last well")
lag = Phrase("最新の行", "Newest row")
lag_value = Phrase("{at}({span}前)", "{at} ({span} ago)")
secrets = Phrase("秘密情報", "Secrets")
no_secrets = Phrase("なし", "None")
address = Phrase("受信アドレス", "Address to post to")
calls = Phrase("本日の受信", "Calls today")
calls_value = Phrase(
    "{calls}回(イベント {events}、不可 {refused}、署名の誤り {forged})",
    "{calls} ({events} events, {refused} refused, {forged} with a wrong signature)",
)
no_calls = Phrase("まだありません", "None yet")
document = Phrase("設定の文書", "Document")
runs = Phrase("実行の履歴", "Runs")
no_runs = Phrase("まだ実行していません。", "It has not run yet.")
began = Phrase("開始", "Began")
outcome = Phrase("結果", "End")
rows = Phrase("行", "Rows")
events = Phrase("イベント", "Events")
known = Phrase("既知", "Known")
refused = Phrase("不可", "Refused")
took = Phrase("時間", "Took")
see_letters = Phrase("不可の行を未処理イベントで見る", "See refused rows in dead letters")

remove_question = Phrase("「{name}」を削除しますか?", "Remove {name}?")
remove_effect = Phrase(
    "接続の設定、秘密情報、どこまで読んだかの記録、実行の履歴が消えます。取り込んだイベントは残ります。",
    "Its settings, secrets, place and runs are forgotten. The events it brought stay.",
)
reset_question = Phrase("「{name}」を最初から読み直しますか?", "Read {name} from the beginning?")
reset_effect = Phrase(
    "次の実行で全部を読み直します。過去30日に取り込んだ行は重複と分かり、二度は数えません。"
    "それより前に取り込んだ行は、もう一度数えられることがあります。",
    "The next run reads everything. Rows brought in the last 30 days are known and not counted "
    "twice; older ones may be counted again.",
)

title_new = Phrase("取り込み元を追加", "Add a source")
title_change = Phrase("「{name}」を変更", "Change {name}")
name = Phrase("名前(英小文字・数字・-・_)", "Name (small letters, digits, - and _)")
url = Phrase("データベースの URL(パスワードを除く)", "Database URL, without the password")
table = Phrase("表またはビュー", "Table or view")
cursor = Phrase("更新のたびに増える列", "Column that grows with each change")
cursor_help = Phrase(
    "例: updated_at。空なら毎回全行を比べます。",
    "For example updated_at. Empty: all rows are compared each time.",
)
path = Phrase("フォルダーまたは URL", "Folder or URL")
path_help = Phrase(
    "例: /srv/drop、s3://bucket/exports、sftp://shop@files.example/out",
    "For example /srv/drop, s3://bucket/exports, sftp://shop@files.example/out",
)
glob = Phrase("ファイル名の形", "File names")
move = Phrase("済んだファイルを done へ移す", "Move finished files into done")
host = Phrase("メールサーバー", "Mail server")
user = Phrase("ユーザー", "User")
folder = Phrase("フォルダー", "Folder")
scheme = Phrase("署名の方式", "Signature scheme")
password = Phrase("パスワード", "Password")
webhook_secret = Phrase("署名の秘密鍵", "Signing secret")
key = Phrase("アクセスキー", "Access key")
secret_key = Phrase("シークレットキー", "Secret key")
kept = Phrase("入れなければ、今のものを使います。", "Leave empty to keep the present one.")
as_document = Phrase("文書(YAML)", "Document (YAML)")
document_help = Phrase(
    "from・mapping・schedule を書きます。API はこの形で設定します。",
    "Write from, mapping and schedule. An API is set up this way.",
)
secrets_yaml = Phrase("秘密情報(一行に 名前: 値)", "Secrets (name: value, one a line)")
which_mapping = Phrase("行をイベントにする対応表", "How rows become events")
custom = Phrase("自分で書く(YAML)", "Write one (YAML)")
mapping_yaml = Phrase("対応表(YAML)", "Mapping (YAML)")
every = Phrase("実行の間隔", "How often")
INTERVALS = {
    "": Phrase("手動のみ", "Only when asked"),
    "1 minute": Phrase("1分ごと", "Every minute"),
    "15 minutes": Phrase("15分ごと", "Every 15 minutes"),
    "1 hour": Phrase("1時間ごと", "Every hour"),
    "24 hours": Phrase("1日ごと", "Every day"),
}
try_it = Phrase("接続を確かめる", "Try it")
trying = Phrase("接続しています…", "Connecting…")
save = Phrase("保存", "Save")
saved = Phrase("保存しました", "Saved")
answers = Phrase("接続できました。", "It answers.")
no_rows = Phrase("新しい行はまだありません。", "There are no new rows yet.")
would_become = Phrase(
    "{place} の最初の行は、次のイベントになります。",
    "The first rows of {place} become these events.",
)
webhook_ready = Phrase(
    "保存すると受信アドレスができます。相手側に登録してください。",
    "Saving it makes the address that the other side posts to.",
)
no_yaml = Phrase("YAML として読めません: {problem}", "This is not YAML: {problem}")
name_needed = Phrase("名前を入れてください。", "Give it a name.")
