"""Texts of the overview: the loop's stations, the processes and their lag."""

from tsunagu.console.phrases import Phrase

title = Phrase("概要", "Overview")
sub = Phrase(
    "お客様の行動が届いてから、お伝えして、効果を測り、また次の行動として戻ってくるまで。",
    "From what customers do, to what we say, to whether it helped, and round again.",
)

collect = Phrase("集める", "Collect")
identify = Phrase("つなぐ", "Identify")
understand = Phrase("知る", "Understand")
decide = Phrase("決める", "Decide")
speak = Phrase("伝える", "Speak")
archive = Phrase("残す", "Archive")
answers = Phrase("反応", "Answers")
measure = Phrase("測る", "Measure")

unit_events = Phrase("件のイベント", "events")
unit_customers = Phrase("人のお客様", "customers")
unit_members = Phrase("人が対象", "audience members")
unit_enrolled = Phrase("人が参加", "enrolled")
unit_sent = Phrase("通を送信", "sent")
unit_archived = Phrase("通を保管", "kept")
unit_answers = Phrase("件の反応", "answers")
per_second = Phrase("毎秒 {n}件", "{n} a second")
quiet_now = Phrase("いまは届いていません", "Nothing is arriving now")
last_event = Phrase("最後は{span}前", "Last one {span} ago")
identifiers_known = Phrase("識別子 {n}件", "{n} identifiers", one="{n} identifier")
merges_done = Phrase("同じ人として統合 {n}件", "{n} merged into one", one="{n} merged into one")
audiences_live = Phrase("オーディエンス {n}件", "{n} audiences", one="{n} audience")
joined_so_far = Phrase("これまでに入った人 のべ{n}人", "{n} joined so far")
largest_audience = Phrase("最大は「{name}」{n}人", "Largest: {name}, {n}")
running_now = Phrase("進行中 {n}人", "{n} on their way")
held_out = Phrase("送らずに比べる {n}人", "{n} held out to compare")
refused = Phrase("見送り {n}通", "{n} refused")
waiting = Phrase("送信待ち {n}通", "{n} waiting to leave")
failed = Phrase("失敗 {n}通・不明 {u}通", "{n} failed, {u} unknown")
every_word = Phrase("送る前に一字一句を保管", "Word for word, before it is sent")
clicks = Phrase("クリック {n}件", "{n} clicks", one="{n} click")
unsubscribes = Phrase("配信停止 {n}件", "{n} unsubscribed")
goals = Phrase("目標の達成 {n}件", "{n} reached the goal")
no_result = Phrase("結果はまだありません", "No result yet")
no_result_help = Phrase("期限を過ぎた参加者から比べます", "Compared once the goal's time is over")
against_holdout = Phrase("送らなかった人との差", "against those held out")
interval = Phrase("95%区間 {low} 〜 {high}", "95% interval {low} to {high}")
returns = Phrase(
    "反応もまたイベントです。次に伝えることを変えます。",
    "Every answer is an event too, and changes what is said next.",
)

health = Phrase("動いているもの", "What is running")
healthy = Phrase("すべて正常です", "Everything is running")
one_down = Phrase("止まっているものがあります", "Something has stopped")
no_processes = Phrase("動作の記録がありません", "No process has reported")
no_processes_help = Phrase(
    "`tsunagu serve` で起動すると、ここに各プロセスの状態が出ます。",
    "Start `tsunagu serve` and each process reports here.",
)
missing = Phrase("動いていません", "Not running")
silent = Phrase("{span}応答がありません", "Silent for {span}")
running_since = Phrase("稼働 {span}", "Up for {span}")
lag = Phrase("処理の遅れ", "Lag")
lag_help = Phrase(
    "イベントが届いてから処理されるまでの時間", "From an event's arrival to its processing"
)
handled = Phrase("処理済み", "Handled")
role_collector = Phrase("受信", "Collector")
role_pipeline = Phrase("パイプライン", "Pipeline")
role_lake = Phrase("レイク書き込み", "Lake writer")
role_sender = Phrase("配信", "Sender")
role_console = Phrase("コンソール", "Console")
role_public = Phrase("お客様向けページ", "Public pages")
role_mailbox = Phrase("ローカルメールボックス", "Local mailbox")

why_refused = Phrase("なぜ見送られたのですか", "Why were messages not sent?")
why_refused_answer = Phrase(
    "もっとも多い理由は「{reason}」で、{share}です。", "Most often: {reason}, {share} of them."
)
why_refused_doubt = Phrase(
    "見送り {n}通すべてを数えています。同じお客様が複数回数えられることがあります。",
    "All {n} refusals are counted; one customer may be counted more than once.",
)
nothing_refused = Phrase("見送られた配信はありません", "No message has been refused")
nothing_refused_help = Phrase(
    "同意がない、回数の上限に達したなどの理由で見送ると、ここに出ます。",
    "When consent is missing or a cap is reached, the reason is counted here.",
)
first_event = Phrase("最初のイベントを送ってみましょう", "Send your first event")
first_event_help = Phrase(
    "「設定」で書き込みキーを作り、次のコマンドを実行してください。数秒でここに現れます。",
    "Create a write key under Settings, then run this. It shows here within seconds.",
)
said_question = Phrase("いつ、どれだけお伝えしましたか", "How much was said, and when?")
said_answer = Phrase(
    "この{days}日間に{sent}通を送り、{refused}通を見送りました。",
    "{sent} sent and {refused} refused in the last {days} days.",
)
said_doubt = Phrase(
    "送ると判断した日で数えています（{zone}）。届いたかどうかは「送信控え」で確かめられます。",
    "Counted by the day of the decision in {zone}. The archive says what became of each.",
)
nothing_said = Phrase("まだ何もお伝えしていません", "Nothing has been said yet")
nothing_said_help = Phrase(
    "ジャーニーに参加するお客様が出ると、日ごとの数がここに出ます。",
    "The days appear once customers enter a journey.",
)
sent = Phrase("送信", "Sent")
not_sent = Phrase("見送り", "Refused")
