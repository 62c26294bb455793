"""Who may do what: keys, people, sign-ins, and the record of it."""
