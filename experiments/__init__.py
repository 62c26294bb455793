"""REMEMBER: the only room with SQL, queues and mail, and the only writer."""
