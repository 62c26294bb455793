"""What every answer tells a browser: nothing of it is a page, nothing may frame it, nothing is guessed about it."""

Headers = list[tuple[bytes, bytes]]

POLICY = b"content-security-policy"
SECURITY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (POLICY, b"default-src 'none'; frame-ancestors 'none'"),
]
"""For an answer that brings a policy of its own, all but the last."""
