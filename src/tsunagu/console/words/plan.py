"""Texts of the tracking plan's pages."""

from tsunagu.console.phrases import Phrase

sub = Phrase(
    "どのイベントに何が入るかの取り決めです。届いたイベントと照らし、違いを数え、必要なら止めます。",
    "What each event is agreed to carry. What arrives is held against it, counted, or stopped.",
)
event = Phrase("イベント", "Event")
events = Phrase("取り決めたイベント", "Agreed events")
describe = Phrase("イベントを追加", "Add an event")
edit = Phrase("編集", "Edit")
none_yet = Phrase("取り決めはまだありません", "Nothing is agreed yet")
none_yet_help = Phrase(
    "届いたイベントから下書きを作れます。最初は数えるだけで、何も止めません。",
    "Start from what arrived. At first it only counts and stops nothing.",
)
start = Phrase("届いたイベントから作る", "Start from traffic")
start_help = Phrase(
    "直近のイベントから{n}件の取り決めを作ります。違いを数えるだけで、何も止めません。"
    "個人の値は書き込まれません。",
    "Makes {n} schemas from the latest events. They count and stop nothing, and hold no "
    "personal value.",
)
start_nothing = Phrase(
    "新しいイベントが見つかりませんでした。", "No event was found that is not agreed yet."
)
mode = Phrase("違いがあったら", "When it differs")
as_plan = Phrase("全体の設定と同じ", "As the plan")
allow = Phrase("許す", "Allow")
observe = Phrase("数える", "Count")
flag = Phrase("印を付ける", "Mark")
block = Phrase("止める", "Stop")
unknown_events = Phrase("取り決めにないイベント", "Events not agreed")
unknown_properties = Phrase("取り決めにない項目", "Properties not agreed")
owner = Phrase("担当", "Owner")
rules = Phrase("全体の設定", "For the whole plan")
rules_help = Phrase(
    "止めたイベントは失われず、未処理イベントに入ります。送り手には 200 を返します。",
    "A stopped event is kept in dead letters; its sender is answered 200 all the same.",
)
block_title = Phrase("これからは止めます", "Events will be stopped")
block_help = Phrase(
    "取り決めと違うイベントは、プロファイルに入らず未処理イベントに入ります。"
    "この7日間の違いが、これから止まる件数の目安です。",
    "Events that differ will go to dead letters instead of profiles. The differences of the last "
    "7 days show how many that would have been.",
)
save = Phrase("保存", "Save")
saved = Phrase("保存しました", "Saved")
seen = Phrase("7日間の件数", "In 7 days")
violating = Phrase("違い", "Differ")
sources = Phrase("出どころ", "Sources")
not_agreed = Phrase("取り決めにないイベント", "Not agreed")
not_agreed_help = Phrase(
    "名前の書き間違いか、まだ取り決めていないイベントです。",
    "Misspelt names, or events that nobody described yet.",
)
draft = Phrase("取り決める", "Describe")
violations = Phrase("この7日間の違い", "Differences in 7 days")
no_violations = Phrase("違いはありません", "Everything is as agreed")
no_violations_help = Phrase(
    "この7日間に届いたイベントは、すべて取り決めどおりでした。",
    "Every event of the last 7 days was as agreed.",
)
day = Phrase("日付", "Day")
place = Phrase("場所", "Where")
expected = Phrase("取り決め", "Agreed")
got = Phrase("届いた値", "Came")
count = Phrase("件数", "Count")
latest = Phrase("最近の例", "Latest")
the_event = Phrase("イベント自体", "the event")
property_ = Phrase("項目", "Property")
properties = Phrase("項目の一覧", "Properties")
type_ = Phrase("種類", "Type")
required = Phrase("必須", "Required")
values = Phrase("決まった値", "Values")
values_hint = Phrase("カンマ区切り", "separated by commas")
format_ = Phrase("形式", "Format")
personal = Phrase("個人情報", "Personal")
add_property = Phrase("項目を追加", "Add a property")
remove = Phrase("項目を外す", "Remove")
as_form = Phrase("フォーム", "Form")
as_json = Phrase("JSON Schema で書く", "JSON Schema")
call = Phrase("呼び出し", "Call")
version = Phrase("版", "Version")
version_hint = Phrase("イベントが名乗る版", "the one an event may state")
title_ja = Phrase("日本語の名前", "Title in Japanese")
title_en = Phrase("英語の名前", "Title in English")
document_name = Phrase("文書の名前", "Document's name")
preview = Phrase("最近のイベントで試す", "Try on recent events")
preview_none = Phrase(
    "直近のイベントに「{event}」はありませんでした。", "No {event} among the latest events."
)
preview_answer = Phrase(
    "直近の{seen}件中、{violating}件が取り決めと違います。",
    "{violating} of the latest {seen} differ.",
)
preview_fine = Phrase(
    "直近の{seen}件は、すべて取り決めどおりです。", "All of the latest {seen} are as agreed."
)
publish = Phrase("公開する", "Publish")
nothing_changes = Phrase("変わるところがありません。", "Nothing would change.")
breaks_title = Phrase("影響のある変更です", "This breaks something")
publish_anyway = Phrase("承知のうえで公開する", "Publish all the same")
breaks_senders = Phrase("送り手に影響", "breaks senders")
breaks_readers = Phrase("使う側に影響", "breaks readers")
looked_at = Phrase("使っているもの", "Used by")
remove_event = Phrase("取り決めから外す", "Take out of the plan")
remove_help = Phrase(
    "これからは取り決めにないイベントとして扱います。届いたものはそのまま残ります。",
    "From now on it counts as not agreed. What arrived stays as it is.",
)
new_event = Phrase("新しいイベント", "A new event")
no_name = Phrase(
    "文書の名前とイベント名を入れてください。", "Enter the document's name and the event."
)
no_json = Phrase("JSON として読めません: {problem}", "This is no JSON: {problem}")

CHANGES = {
    "added": Phrase("追加", "added"),
    "removed": Phrase("なくなる", "removed"),
    "required": Phrase("必須になる", "newly required"),
    "optional": Phrase("必須でなくなる", "no longer required"),
    "type narrowed": Phrase("種類が狭まる", "type narrowed"),
    "type widened": Phrase("種類が広がる", "type widened"),
    "values narrowed": Phrase("値が減る", "values narrowed"),
    "values widened": Phrase("値が増える", "values widened"),
    "limit tightened": Phrase("制限が厳しくなる", "limit tightened"),
    "limit loosened": Phrase("制限がゆるむ", "limit loosened"),
    "stricter": Phrase("厳しくなる", "stricter"),
    "looser": Phrase("ゆるむ", "looser"),
    "other": Phrase(
        "これまで届いたものをすべて受け入れるとは言い切れない",
        "may refuse what was right before",
    ),
}
