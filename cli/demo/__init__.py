"""A simulated win-back campaign that talks to a running Winback through its HTTP API, as a campaign system would."""
