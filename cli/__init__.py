"""RUN: the shell's door. One file per command in `commands`, all of them listed in `app.COMMANDS`."""
