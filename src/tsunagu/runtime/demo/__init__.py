"""The demonstration: a recorded year of a retailer goes round the whole loop."""
