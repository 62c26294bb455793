"""One verb, one authorisation check and one transaction each."""
