"""Which addresses may be pushed to, however they are written and wherever their names lead."""

import ipaddress
import socket
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.connectors import webhooks
from experiments.connectors.addresses import is_private_host, is_public
from experiments.connectors.webhooks import Sender, UnsafeTargetError, leads_astray, target_fault

PRIVATE_V4 = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
]
PUBLIC_V4 = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.32.0.1", "223.255.255.255"]
PRIVATE_V6 = [
    "::",
    "::1",
    "100::1",
    "2001:2::1",
    "2001:db8::1",
    "3fff::1",
    "64:ff9b:1::808:808",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC_V6 = ["2606:4700:4700::1111", "2a00:1450:4001:82a::200e", "2001:4860:4860::8888"]


def carrying(address):
    """The forms in which IPv6 carries an IPv4 address."""
    whole = int(ipaddress.IPv4Address(address))
    high, low = whole >> 16, whole & 0xFFFF
    hidden = whole ^ 0xFFFF_FFFF
    return {
        "mapped": f"::ffff:{address}",
        "translated": f"64:ff9b::{high:x}:{low:x}",
        "6to4": f"2002:{high:x}:{low:x}::1",
        "teredo": f"2001:0:4136:e378:8000:63bf:{hidden >> 16:x}:{hidden & 0xFFFF:x}",
        "isatap": f"2606:4700::5efe:{high:x}:{low:x}",
    }


def written(address):
    """The forms in which resolvers take an IPv4 address."""
    whole = int(ipaddress.IPv4Address(address))
    a, b, c, d = address.split(".")
    return [
        address,
        f"{address}.",
        str(whole),
        hex(whole),
        f"0{whole:o}",
        f"0{int(a):o}.0{int(b):o}.0{int(c):o}.0{int(d):o}",
        f"0x{int(a):x}.0x{int(b):x}.0x{int(c):x}.0x{int(d):x}",
        f"{a}.{int(b) * 65536 + int(c) * 256 + int(d)}",
        f"{a}.{b}.{int(c) * 256 + int(d)}",
    ]


@pytest.mark.parametrize("address", [*PRIVATE_V4, *PRIVATE_V6])
def test_private_addresses(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", [*PUBLIC_V4, *PUBLIC_V6])
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE_V4)
def test_an_address_inside_another_is_judged(address):
    for name, outer in carrying(address).items():
        assert not is_public(outer), name
    assert not is_public(f"::{address}")
    assert not is_public(f"::ffff:0:{address}")


@pytest.mark.parametrize("address", PUBLIC_V4)
def test_public_addresses_are_reached_through_translation(address):
    assert is_public(carrying(address)["mapped"])
    assert is_public(carrying(address)["translated"])
    assert not is_public(f"::{address}")  # compatible addresses were withdrawn; nothing public has one


@pytest.mark.parametrize("address", PRIVATE_V4)
def test_every_way_to_write_an_address_is_known(address):
    for host in written(address):
        assert is_private_host(host), host
        assert target_fault(f"http://{host}:8080/x", allow_private=False), host


@pytest.mark.parametrize("address", PUBLIC_V4)
def test_public_addresses_may_be_written_in_any_way(address):
    for host in written(address):
        assert not is_private_host(host), host


@given(st.integers(0, 2**32 - 1))
def test_no_form_of_an_address_is_more_public_than_itself(number):
    address = str(ipaddress.IPv4Address(number))
    for host in written(address):
        assert is_private_host(host) == (not is_public(address))
    for outer in carrying(address).values():
        assert is_public(address) or not is_public(outer)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "http://LOCALHOST.",
        "http://localhost..",
        "http://db.internal.",
        "http://printer.lan",
        "http://redis:6379",
        "http://metadata",
        "http://１２７.0.0.1",
        "http://127。0。0。1",
        "http://①②⑦.0.0.1",
        "http://%31%32%37.0.0.1",
        "http://[::ffff:7f00:1]",
        "http://[::127.0.0.1]",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://[64:ff9b:1::a9fe:a9fe]",
        "http://[fe80::1%25eth0]",
        "http://crm.example@127.0.0.1",
        "http://crm.example:80@127.0.0.1/",
        "http://127.0.0.1#@crm.example",
        "http://127.0.0.1?@crm.example",
        "http://127.0.0.1\\@crm.example",
        "http://crm.example\\@127.0.0.1",
        " http://127.0.0.1",
        "http://127.0.0.1 .crm.example",
        "http://crm.example\t.internal",
        "http://crm.example\x00.internal",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
        "//127.0.0.1",
    ],
)
def test_tricks_are_refused(url):
    assert target_fault(url, allow_private=False) is not None


@pytest.mark.parametrize("url", ["https://crm.example/hook", "https://crm.example./hook?x=%20", "http://1.1.1.1:8080"])
def test_what_is_public_may_be_a_target(url):
    assert target_fault(url, allow_private=False) is None


@pytest.fixture
def leading(monkeypatch):
    """Names lead where the test says."""

    def lead(*addresses):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    return lead


@pytest.mark.parametrize(
    ("key", "address"),
    [("own", "127.0.0.1"), ("mapped", "::ffff:10.0.0.1"), ("translated", "64:ff9b::a00:1"), ("link", "fe80::1%eth0")],
)
def test_where_a_name_leads_is_judged_at_creation_and_before_each_push(leading, sqlite_client, key, address):
    leading("93.184.216.34", address)
    assert "private" in leads_astray("https://sneaky.example")
    body = {"key": "crm", "kind": "webhook", "url": "https://sneaky.example", "signing_env": "WINBACK_SECRET_X"}
    refused = sqlite_client.post("/v1/destinations", json=body)
    assert refused.json()["errors"][0]["pointer"] == "/url"
    assert "WINBACK_ALLOW_PRIVATE_WEBHOOKS" in refused.text
    leading("93.184.216.34")
    made = sqlite_client.post("/v1/destinations", json={**body, "key": key})
    assert made.status_code == 201
    leading(address)
    changed = sqlite_client.patch(f"/v1/destinations/{key}", json={"url": "https://other.example"})
    assert changed.status_code == 422
    sender = Sender(allow_private=False)
    with pytest.raises(UnsafeTargetError):
        sender.post("https://sneaky.example", b"{}", {})
    sender.close()


def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch):
    asked, called = [], []

    def resolve(host, *_, **__):
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"  # as a rebinding name server answers
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]

    def send(_, request, **__):
        called.append((request.url.host, request.headers["host"], request.extensions["sni_hostname"]))
        return httpx.Response(200, stream=httpx.ByteStream(b""), request=request)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(httpx.Client, "send", send)
    sender = Sender(allow_private=False)
    assert sender.post("https://sneaky.example/x", b"{}", {}).accepted
    with pytest.raises(UnsafeTargetError):
        sender.post("https://sneaky.example/x", b"{}", {})
    sender.close()
    assert asked == ["sneaky.example"] * 2
    assert called == [("93.184.216.34", "sneaky.example", "sneaky.example")]


def test_a_name_that_leads_nowhere_yet_is_taken(monkeypatch):
    def fails(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(webhooks, "addresses_of", fails)
    assert leads_astray("https://soon.example") is None


def test_an_answer_without_end_is_read_for_a_while(monkeypatch):
    now = [0.0]

    def drip():
        while True:
            now[0] += 1
            yield b"x"

    class Dripping(httpx.SyncByteStream):
        def __iter__(self):
            return drip()

    monkeypatch.setattr(webhooks, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(webhooks, "addresses_of", lambda *_: ["93.184.216.34"])
    monkeypatch.setattr(httpx.Client, "send", lambda _, request, **__: httpx.Response(200, stream=Dripping()))
    sender = Sender(allow_private=False)
    assert sender.post("https://slow.example", b"{}", {}).text == "x" * 31
    sender.close()
