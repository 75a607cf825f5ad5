"""Use cases on people: arrivals, joining, preferences, departures, and what is read out."""
