"""What the public pages say, in each language. `VERSION` names the wording in consent proofs."""

from __future__ import annotations

from dataclasses import dataclass

from tsunagu.public.models import Language

VERSION = "unsubscribe/1"


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language; `{address}` and `{what}` are filled in."""

    own_name: str
    leave_title: str
    leave_text: str
    leave_keeps: str
    leave_button: str
    leave_note: str
    left_title: str
    left_text: str
    stay_title: str
    stay_text: str
    stay_button: str
    back_title: str
    back_text: str
    notice_title: str
    notice_text: str
    lost_title: str
    lost_text: str
    busy_title: str
    busy_text: str
    busy_button: str
    go_on_title: str
    go_on_text: str
    go_on_button: str
    marketing: str
    other: str


WORDS: dict[Language, Words] = {
    "ja": Words(
        own_name="日本語",
        leave_title="メールの配信を停止しますか？",
        leave_text="{address} 宛ての{what}の配信を停止します。",
        leave_keeps="ご注文の確認など、お取引に必要なお知らせはこれからもお届けします。",
        leave_button="配信を停止する",
        leave_note="ボタンを押すまで、何も変わりません。",
        left_title="配信を停止しました",
        left_text="{address} 宛ての{what}は、今後お届けしません。",
        stay_title="間違えて停止された場合は",
        stay_text="下のボタンを押すと、{what}をもう一度お届けします。",
        stay_button="もう一度受け取る",
        back_title="配信を再開しました",
        back_text="{address} 宛てに、{what}をもう一度お届けします。いつでも停止できます。",
        notice_title="必要なお知らせです",
        notice_text="このメールはお取引に必要なお知らせのため、配信を停止できません。",
        lost_title="ページが見つかりません",
        lost_text="リンクが途中で切れているか、使えなくなっています。"
        "お手数ですが、メールのリンクをもう一度そのまま開いてください。",
        busy_title="ただいま受け付けできません",
        busy_text="お客様の操作はまだ記録されていません。1分ほどおいて、もう一度お試しください。",
        busy_button="もう一度試す",
        go_on_title="リンク先へお進みください",
        go_on_text="ただいま自動で移動できません。下のボタンから開けます。",
        go_on_button="リンク先へ進む",
        marketing="お得な情報のメール",
        other="この種類のメール",
    ),
    "en": Words(
        own_name="English",
        leave_title="Stop these e-mails?",
        leave_text="We will stop sending {what} to {address}.",
        leave_keeps="What you need to know about your orders will still reach you.",
        leave_button="Unsubscribe",
        leave_note="Nothing changes until you press the button.",
        left_title="You are unsubscribed",
        left_text="We will not send {what} to {address} any more.",
        stay_title="Was it a mistake?",
        stay_text="Press the button and we will send you {what} again.",
        stay_button="Subscribe again",
        back_title="Welcome back",
        back_text="We will send {what} to {address} again. You can stop them at any time.",
        notice_title="You need this notice",
        notice_text="This e-mail is about your business with us, so it cannot be stopped.",
        lost_title="This page cannot be found",
        lost_text="The link is cut short or no longer in use. "
        "Please open the link in the e-mail once more, just as it is.",
        busy_title="We cannot take this right now",
        busy_text="What you did is not recorded yet. Please try again in a minute.",
        busy_button="Try again",
        go_on_title="One more press",
        go_on_text="We cannot take you there by ourselves right now. The button does.",
        go_on_button="Continue",
        marketing="news and offers",
        other="this kind of e-mail",
    ),
}


def choose_language(asked: str | None, known: str | None, accepted: str) -> Language:
    """The language of a page: asked for by the switch, the customer's, or the browser's."""
    for wanted in (asked, known, *accepted.split(",")):
        base = (wanted or "").strip().lower().partition("-")[0].partition(";")[0]
        if base == "ja":
            return "ja"
        if base == "en":
            return "en"
    return "en"
