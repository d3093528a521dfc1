"""Why a message was not sent, why a journey ended, what a node did: codes as sentences."""

from tsunagu.console.phrases import Phrase

REASONS: dict[str, Phrase] = {
    "no_consent": Phrase("同意がありません", "no consent"),
    "no_address": Phrase("送り先がわかりません", "no address is known"),
    "frequency_cap": Phrase("回数の上限に達しました", "the frequency cap is reached"),
    "quiet_hours": Phrase("おやすみ時間です", "it is quiet hours"),
    "suppressed": Phrase("送らない宛先に登録されています", "the address is suppressed"),
    "expired": Phrase("送る期限を過ぎました", "it came too late"),
    "erased": Phrase("お客様の情報が消去されました", "the customer was erased"),
    "paused": Phrase("緊急停止中です", "sends are stopped"),
    "holdout": Phrase("比較のため送りません", "held out to compare"),
    "bounced": Phrase("宛先に届きません", "the address does not accept mail"),
    "bad_address": Phrase("宛先の形が正しくありません", "the address cannot be written to"),
    "refused_by_provider": Phrase(
        "メールサーバーに断られました", "the mail server refused the message"
    ),
    "gave_up": Phrase("何度試しても送れませんでした", "every attempt was put off"),
    "not_rendered": Phrase("本文を作れませんでした", "the message could not be made"),
    "no_message": Phrase("この版のメッセージがありません", "this version does not exist"),
    "no_channel": Phrase("この経路では送れません", "nothing sends on this channel"),
    "line_broke": Phrase("引き渡しの途中で接続が切れました", "the line broke during the hand-over"),
    "sender_died": Phrase(
        "引き渡しの途中で配信処理が終わりました", "the sender ended during the hand-over"
    ),
}
STATES: dict[str, tuple[Phrase, str]] = {
    "queued": (Phrase("送信待ち", "Waiting"), "amber"),
    "handing": (Phrase("引き渡し中", "Handing over"), "amber"),
    "sent": (Phrase("送信済み", "Sent"), "green"),
    "refused": (Phrase("見送り", "Refused"), "red"),
    "failed": (Phrase("失敗", "Failed"), "red"),
    "unknown": (Phrase("結果不明", "Unknown"), "amber"),
    "expired": (Phrase("期限切れ", "Expired"), "red"),
}
ENDS: dict[str, Phrase] = {
    "goal": Phrase("目標を達成", "Reached the goal"),
    "no goal": Phrase("目標に届かず", "Did not reach the goal"),
}
ARMS: dict[str, Phrase] = {
    "treated": Phrase("送る", "Treated"),
    "holdout": Phrase("送らずに比べる", "Holdout"),
}


def reason_words(code: str) -> Phrase:
    """The reason a code stands for; an unknown code stands for itself."""
    known = REASONS.get(code)
    return known or Phrase(
        code.replace("{", "").replace("}", ""), code.replace("{", "").replace("}", "")
    )
