"""What every part uses: saying what holds, stopping at what does not, and waiting for what will."""

import time


class Failed(Exception):
    """Something is not as it must be; the words say what."""


def ok(what):
    print(f"ok: {what}", flush=True)


def expect(what, wanted, found):
    if found != wanted:
        raise Failed(f"{what}: expected {wanted!r}, found {found!r}")
    ok(what)


def until(what, look, seconds=60):
    """What `look` finds, as soon as it finds anything.

    The limit is for what will never come; nothing is measured by it.
    """
    limit = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > limit:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.05)
