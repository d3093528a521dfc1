"""Send an order with the client kit, and read the customer it made."""

import os
import time

from tsunagu.client import Api, Collector

with Collector(os.environ["TSUNAGU_WRITE_KEY"], os.environ["TSUNAGU_COLLECT_URL"]) as collector:
    collector.identify("u7", {"name": "Yui Tanaka", "email": "yui@example.com"})
    collector.track("Order Completed", {"total": 42}, user_id="u7", message_id="order o-1")

with Api(os.environ["TSUNAGU_API_KEY"], os.environ["TSUNAGU_API_URL"]) as api:
    while (customer := api.profile("user_id", "u7")) is None:
        time.sleep(0.1)
    orders = [event for event in customer.events if event.name == "Order Completed"]
    print(f"{customer.traits['name']} bought {len(orders)} times")
