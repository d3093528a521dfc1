"""The console's texts, one module a room; every text is a `Phrase` in both languages."""
