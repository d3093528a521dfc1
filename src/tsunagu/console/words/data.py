"""Texts that the pages of the data room share: the title and the tabs."""

from tsunagu.console.phrases import Phrase

title = Phrase("データ", "Data")
plan = Phrase("トラッキングプラン", "Tracking plan")
sources = Phrase("取り込み元", "Sources")
quality = Phrase("データ品質", "Quality")
live = Phrase("ライブ", "Live events")
sql = Phrase("SQL分析", "SQL")
dead_letters = Phrase("未処理イベント", "Dead letters")
