"""A program that signs digests and does nothing else: key and digests on its stdin, signatures on its stdout.

It is run by its path and imports nothing of the package, so that it is there in a moment. First comes the key
as PEM, behind its length; then digests of 32 octets each, and a signature of the key's size for each. It ends
with its stdin, however whoever wrote there has ended.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

LENGTH, DIGEST = 4, 32  # octets
AT_ONCE = 8  # digests that are signed before their signatures are written


def main() -> None:
    """Sign until there is nothing more to read, or nobody to write to. Ctrl+C is the sender's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sign = _opened(_read(int.from_bytes(_read(LENGTH), "big")))
    digests = b""
    while more := os.read(0, AT_ONCE * DIGEST - len(digests)):
        digests += more
        whole = len(digests) - len(digests) % DIGEST
        signatures = b"".join(sign(digests[at : at + DIGEST]) for at in range(0, whole, DIGEST))
        digests = digests[whole:]
        while signatures:
            signatures = signatures[os.write(1, signatures) :]


def _opened(pem: bytes) -> Callable[[bytes], bytes]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem, None)
    if isinstance(key, Ed25519PrivateKey):
        return key.sign
    assert isinstance(key, RSAPrivateKey)
    sign, padding, algorithm = key.sign, PKCS1v15(), Prehashed(SHA256())
    return lambda digest: sign(digest, padding, algorithm)


def _read(count: int) -> bytes:
    """So many octets; EOFError where they do not come."""
    got = b""
    while len(got) < count:
        more = os.read(0, count - len(got))
        if not more:
            raise EOFError
        got += more
    return got


if __name__ == "__main__":
    try:
        main()
    finally:
        os._exit(0)  # nothing is left to tidy up, and nobody to tell
