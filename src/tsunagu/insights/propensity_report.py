"""The report of a propensity: question, answer in a sentence, figures, and its doubt."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tsunagu.insights.propensity import RULE, Answer, Verdict
from tsunagu.insights.proportions import Interval

Words = dict[str, str]


def document(given: Answer, found: Verdict, *, as_of: int) -> dict[str, Any]:
    """The report that the console and the API show."""
    return {
        "campaign": given.question.campaign,
        "question": {
            "en": "Who will redeem a coupon of the next campaign?",
            "ja": "次のキャンペーンのクーポンを使うのは誰ですか。",
        },
        "cut_off": given.question.cut_off,
        "as_of": as_of,
        "rule": RULE,
        "learned": {"n": given.learned_from, "takers": given.learned_takers},
        "scored": {"n": found.n, "takers": found.takers},
        "auc": {
            "model": asdict(found.areas.first),
            "rule": asdict(found.areas.second),
            "difference": asdict(found.areas.difference),
        },
        "brier": {
            "model": found.model_brier,
            "rule": found.rule_brier,
            "base_rate": found.base_brier,
        },
        "calibration": {
            "model": [asdict(bin) for bin in found.model_bins],
            "rule": [asdict(bin) for bin in found.rule_bins],
        },
        "weights": given.weights,
        "winner": found.winner,
        "confidence": 0.95,
        "method": "Logistic regression on ended campaigns; AUC with DeLong's interval (1988)",
        "sentence": sentence(found),
        "caveats": [_unseen(given), *_misjudged(found)],
    }


def sentence(found: Verdict) -> Words:
    """Which of the two won, in both languages."""
    model, rule = _figure(found.areas.first), _figure(found.areas.second)
    gap = found.areas.difference
    by = f"{gap.value:+.3f} ({gap.low:+.3f} … {gap.high:+.3f})"
    english = {
        "model": "The model beats the one-line rule",
        "rule": "The one-line rule beats the model",
        "undecided": "Model and one-line rule cannot be told apart",
    }[found.winner]
    japanese = {
        "model": "モデルが一行のルールに勝ちました",
        "rule": "一行のルールがモデルに勝ちました",
        "undecided": "モデルと一行のルールの差は確認できません",
    }[found.winner]
    return {
        "en": f"{english}: AUC {model} against {rule}, a difference of {by}.",
        "ja": f"{japanese}。AUC はモデル {model}、ルール {rule}、差は {by} です。",
    }


def _figure(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f}–{found.high:.3f})"


def _unseen(given: Answer) -> Words:
    return {
        "en": (
            f"Learned from {given.learned_from:,} offers of campaigns that had ended before the "
            f"cut-off, {given.learned_takers:,} of them redeemed. Campaigns still open then were "
            "left out."
        ),
        "ja": (
            f"基準日までに終わったキャンペーンの {given.learned_from:,} 件"
            f"（うち利用 {given.learned_takers:,} 件）から学びました。"
            "基準日に実施中のキャンペーンは使っていません。"
        ),
    }


def _misjudged(found: Verdict) -> list[Words]:
    """A warning when the share that redeemed lies outside what the model said on average."""
    if not found.n:
        return []
    said = sum(bin.said * bin.n for bin in found.model_bins) / found.n
    happened = found.takers / found.n
    if abs(said - happened) < 0.02:
        return []
    return [
        {
            "en": (
                f"The model said {said:.1%} on average and {happened:.1%} happened: use it to "
                "rank customers, not as a forecast."
            ),
            "ja": (
                f"モデルの平均予測は {said:.1%}、実際は {happened:.1%} でした。"
                "順位づけには使えますが、見込み数には使わないでください。"
            ),
        }
    ]
