"""Texts of the SQL page."""

from tsunagu.console.phrases import Phrase

sub = Phrase(
    "レイクに SQL(SELECT)で尋ねます。読むだけで、何も変わりません。",
    "Ask the lake by SQL. A question reads and changes nothing.",
)
question = Phrase("質問(SQL)", "Question (SQL)")
run = Phrase("実行", "Run")
stop = Phrase("止める", "Stop")
keys = Phrase("Ctrl+Enter でも実行できます。", "Ctrl+Enter runs it too.")
running = Phrase("実行中… {n}秒", "Running… {n} s")
save = Phrase("名前を付けて保存", "Save as")
save_title = Phrase("質問を保存", "Save the question")
saved_note = Phrase("「{name}」を保存しました", "Saved as “{name}”")
keep = Phrase("保存する", "Save")
forget = Phrase("削除", "Remove")
forget_title = Phrase("「{name}」を削除しますか", "Remove “{name}”?")
forget_effect = Phrase(
    "このワークスペースの全員の一覧から消えます。データは変わりません。",
    "It leaves the list for everybody in this workspace. No data changes.",
)
saved = Phrase("保存した質問", "Saved questions")
saved_none = Phrase("まだありません。", "None yet.")
last = Phrase("最近の質問", "Your last questions")
last_none = Phrase("実行した質問がここに残ります。", "What you ask is listed here.")
starts = Phrase("はじめの一歩", "To begin with")
start_days = Phrase("日ごとのイベント数", "Events by day")
start_names = Phrase("多いイベント", "Most frequent events")
start_customers = Phrase("お客様ごとの件数", "Events by customer")
tables = Phrase("表と列", "Tables and columns")
table_events = Phrase("届いたままのイベント", "The events as they came")
table_customer_events = Phrase(
    "イベントに、いまのお客様番号を付けたもの", "Events with the customer whose they are now"
)
table_customers = Phrase("お客様の最新の姿", "Customers as last known")
table_customer_history = Phrase(
    "お客様のこれまでの姿(期間つき)", "All versions of each customer, with their time"
)
table_identity = Phrase("識別子の持ち主", "Who owns each identifier")
known_at = Phrase(
    "events_known_at('2026-05-01') と customers_known_at('2026-05-01') は、"
    "その時点で分かっていたことだけを返します。時刻はすべて UTC です。",
    "events_known_at('2026-05-01') and customers_known_at('2026-05-01') show what was known "
    "then. All times are UTC.",
)
as_table = Phrase("表", "Table")
as_chart = Phrase("グラフ", "Chart")
download = Phrase("CSV を保存", "Download CSV")
no_answer_yet = Phrase("結果はここに出ます", "The answer appears here")
no_answer_help = Phrase(
    "質問を書いて実行するか、一覧から選んでください。",
    "Write a question and run it, or choose one from the lists.",
)
no_rows = Phrase("該当する行はありません", "No rows")
no_rows_help = Phrase(
    "質問は通りましたが、条件に合う行がありませんでした。",
    "The question is fine; nothing fits it.",
)
took = Phrase("{n}行 · {seconds}秒", "{n} rows · {seconds} s", one="{n} row · {seconds} s")
truncated = Phrase(
    "続きがあります。最初の{n}行だけを受け取りました。"
    '全部を書き出すには: tsunagu export "SELECT …" --to FILE.parquet',
    "There is more: these are the first {n} rows. For all of them: "
    'tsunagu export "SELECT …" --to FILE.parquet',
)
shown = Phrase("画面には先頭の{n}行を出しています。", "The page shows the first {n} of them.")
times_utc = Phrase("時刻は UTC です。", "Times are UTC.")
no_chart = Phrase("グラフにできる列がありません", "No chart of this")
no_chart_help = Phrase(
    "日時か名前ごとに一行となるように集計し、数値の列を一つ入れるとグラフになります。",
    "Sum up to one row for each time or name, with a column of figures, and there is a chart.",
)
chart_title = Phrase("{dimension}ごとの{measure}は?", "What is {measure} by {dimension}?")
chart_answer = Phrase(
    "最大は {top} の {high}、最小は {bottom} の {low} です。",
    "Highest at {top} ({high}), lowest at {bottom} ({low}).",
)
chart_part = Phrase(
    "{n}行を描きました。受け取った行だけの図です。", "{n} rows drawn, of those received."
)
refused = Phrase("この質問には答えられませんでした", "This question was not answered")
bad_sql = Phrase("SQL を直してください", "Mend the SQL")
why_empty = Phrase(
    "質問を書いてください。例: select count(*) from events",
    "Write a question, for example: select count(*) from events",
)
why_long = Phrase("質問が長すぎます(10万バイトまで)。", "The question is too long (100,000 bytes).")
why_several = Phrase("質問は一つずつ実行してください。", "Ask one question at a time.")
why_select_only = Phrase(
    "実行できるのは SELECT だけです。書き込み、接続、設定の変更はできません。",
    "Only a SELECT can be asked here; nothing can be written, attached, loaded or set.",
)
why_table = Phrase(
    "「{about}」という表はありません。使える表は一覧にあります。",
    "There is no table “{about}”. The tables are listed beside.",
)
why_function = Phrase("{about}() はここでは使えません。", "{about}() cannot be used here.")
why_outside = Phrase(
    "このワークスペースの表の外は読めません。", "Nothing outside this workspace's tables is read."
)
why_seconds = Phrase(
    "{about}秒を過ぎたため終了しました。期間を短くするか、列を減らしてください。",
    "It took longer than {about} s and was ended. Ask about a shorter period or fewer columns.",
)
why_memory = Phrase(
    "使えるメモリを超えました。期間を短くする、列を減らす、集計するなどしてください。",
    "It needs more memory than it may have. Ask about a shorter period, fewer columns, or sums.",
)
why_disk = Phrase(
    "作業用のディスクを超えました。並べ替えや結合の対象を減らしてください。",
    "It needs more room on the disk than it may have. Sort and join fewer rows.",
)
why_result = Phrase(
    "結果が {about} を超えます。列か行を減らすか、先に集計してください。",
    "The result is larger than {about}. Ask for fewer columns or rows, or sum up first.",
)
why_file = Phrase(
    "レイクのファイルを読めませんでした。もう一度お試しください。続くときは: tsunagu doctor",
    "A file of the lake could not be read. Ask again; if it stays: tsunagu doctor",
)
why_no_lake = Phrase(
    "レイクはまだ空です。イベントは処理から30秒ほどでレイクに入ります。",
    "The lake is still empty. Events arrive there within half a minute of being processed.",
)
why_busy = Phrase(
    "ほかの質問を実行中です。少し待って、もう一度お試しください。",
    "Others are asking. Try again in a moment.",
)
why_stopped = Phrase("止めました。", "Stopped.")
why_failed = Phrase(
    "質問の処理が途中で終わりました。書き方を変えてお試しください。",
    "The question's process failed. Ask in another way.",
)
