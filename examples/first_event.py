"""A first customer, consent and order, sent with a public SDK of the Segment spec."""

import os

import segment.analytics as analytics

analytics.write_key = os.environ["TSUNAGU_WRITE_KEY"]
analytics.host = os.environ.get("TSUNAGU_COLLECT_URL", "http://127.0.0.1:8082")

analytics.identify("u1", {"email": "u1@example.com", "name": "Yui Tanaka", "language": "ja"})
analytics.track("u1", "Consent Given", {"channel": "email", "purpose": "marketing"})
analytics.track("u1", "Order Completed", {"order_id": "o-1", "total": 42})
analytics.flush()
