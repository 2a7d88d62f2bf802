"""What was stored, appended to the archives."""

from feedproxy.harvest.kit import Kit


def archive(kit: Kit) -> int:
    """Append to the archives what was stored since this was done last, by whomever; return how many entries that were.

    It asks for little where nothing was. What a process that was killed had stored is appended by the next.

    Raises:
        StoreError: the store can't be read or written.

    """
    return kit.store.archive.append(kit.mirror.logs, kit.clock())
