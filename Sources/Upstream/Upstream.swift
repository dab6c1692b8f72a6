// Upstream: Tells the journal's events and the board's values to brokers, again and again until
// they are kept. It must never take an acknowledgement for a promise.
