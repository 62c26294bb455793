"""`winback run`: several processes as one."""
