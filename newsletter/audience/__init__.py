"""Use cases on people, by what may change them: arrivals, departures, and what is read out."""
