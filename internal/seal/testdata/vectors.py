"""Writes vectors.json: what the key ring must give, computed without it.

Run by hand when the formats change (they must not): python3 vectors.py > vectors.json
Needs the `cryptography` package for AES-GCM and Ed25519; HKDF and HMAC are the standard library's.
"""
import base64, hashlib, hmac, json, struct
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def mac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def derive(key, label):  # RFC 5869, no salt, 32 bytes: one block of expansion
    return mac(mac(bytes(32), key), label + b"\x01")


def field(v):
    return struct.pack(">I", len(v)) + v


keys = [bytes(range(i, i + 32)) for i in (1, 101)]
ident, salt, tenant = bytes(range(16)), bytes(range(16, 32)), bytes(range(200, 216))


def code(key, generation, length, alphabet):
    message = ident + struct.pack(">H", generation) + salt
    n, out, counter = len(alphabet), "", 0
    while len(out) < length:
        block = mac(derive(key, b"countersign codes"), message + (bytes([counter]) if counter else b""))
        out += "".join(alphabet[b % n] for b in block if b < 256 - 256 % n)
        counter += 1
    return out[:length]


codes = [
    {"kid": k + 1, "generation": g, "length": l, "alphabet": a, "code": code(keys[k], g, l, a or "0123456789")}
    for k, g, l, a in [
        (0, 0, 6, ""), (0, 1, 6, ""), (0, 65535, 6, ""), (1, 0, 6, ""), (0, 0, 4, ""), (0, 0, 10, ""), (1, 7, 10, ""),
        (0, 0, 8, "ABCDEFGHJKMNPQRSTVWXYZ23456789"), (1, 3, 10, "01"),
    ]
]


def sealed(kid, place, plain):
    sealing = derive(derive(keys[kid - 1], b"countersign seal"), b"countersign tenant " + tenant)
    nonce = bytes(range(50, 62))
    return struct.pack(">I", kid) + nonce + AESGCM(sealing).encrypt(nonce, plain, place)


place = field(b"recipient") + tenant + field(b"row 1")
index = bytes(range(64, 96))
nonce = bytes(range(70, 82))
wrapped = struct.pack(">I", 1) + nonce + AESGCM(derive(keys[0], b"countersign wrap")).encrypt(
    nonce, index, b"countersign index key")
hashing = derive(index, b"countersign hash")
number = b"+12025550100"
found = mac(hashing, field(b"recipient") + tenant + field(number))
named = mac(hashing, field(b"idempotency key") + tenant + field(b"k-1"))
asked = mac(hashing, field(b"idempotency body") + tenant + field(b"start") + field(b"asked"))
signing = Ed25519PrivateKey.from_private_bytes(derive(index, b"countersign audit checkpoint"))
print(json.dumps({
    "key_file": "".join(base64.b64encode(k).decode() + "\n" for k in keys),
    "id": ident.hex(), "salt": salt.hex(), "tenant": tenant.hex(),
    "codes": codes,
    "sealed_v1": sealed(1, place, number).hex(), "sealed_v2": sealed(2, place, number).hex(), "plain": number.decode(),
    "wrapped_index_key": wrapped.hex(),
    "hash_ab_c": mac(hashing, field(b"label") + tenant + field(b"ab") + field(b"c")).hex(),
    "blind_index": found[:16].hex(), "bucket": struct.unpack(">H", found[16:18])[0] % 4096,
    "answer_key": named[16:].hex(), "answer_bucket": struct.unpack(">H", named[:2])[0] % 4096, "answer_body": asked.hex(),
    "answer_sealed": sealed(2, field(b"idempotency") + tenant + field(named[16:]), b'{"n":1}').hex(),
    "checkpoint_key": signing.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
}, indent=1))
