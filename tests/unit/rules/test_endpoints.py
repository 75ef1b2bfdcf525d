"""Where notifications may be sent: only to public servers, by https."""

from ipaddress import ip_address

import pytest

from shared.rules.endpoints import Endpoint, Unsuitable, is_at_or_below, is_public, parse

NOT_PUBLIC = [
    *("127.0.0.1", "127.255.255.254", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1"),
    *("198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255", "192.88.99.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
    # With an IPv4 address inside: mapped, compatible, translated, by 6to4, by Teredo.
    *("::ffff:10.0.0.1", "::ffff:8.8.8.8", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b::808:808"),
    *("64:ff9b:1::a00:1", "2002:a00:1::1", "2002:808:808::1", "2001:0:a00:1::1"),
    *("2001:db8::1", "100::1", "3fff::1", "5f00::1"),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001::200e"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_inside_or_of_nobody_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_a_server_on_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://chat.example.com",
        "ftp://chat.example.com",
        "//chat.example.com",
        "chat.example.com",
        "https://",
        "https:///path",
        "https://user@chat.example.com",
        "https://user:word@chat.example.com",
        "https://@chat.example.com",
        "https://chat.example.com#part",
        "https://chat.example.com/#",
        "https://chat.example.com:0",
        "https://chat.example.com:65536",
        "https://chat.example.com:x",
        "https://chat.example.com\\@10.0.0.1",
        "https://chat example.com",
        "https://chat.example.com/\r\nHost: inside",
        "https://chät.example.com",
        "https://ch%61t.example.com",
        "https://[fe80::1%25eth0]/",
        "https://[::1",
        "https://localhost",
        "https://localhost.",
        "https://LOCALHOST/hook",
        "https://printer.local",
        "https://db.internal",
        "https://intranet",
        "https://127.1",
        "https://2130706433",
        "https://0177.0.0.1",
        "https://1.2.3.4.5",
        "https://chat.example.com/" + "x" * 2048,
        *(f"https://{address}" for address in NOT_PUBLIC if ":" not in address),
        *(f"https://[{address}]" for address in NOT_PUBLIC if ":" in address),
    ],
)
def test_an_endpoint_that_may_not_be_called_is_refused(url: str) -> None:
    with pytest.raises(Unsuitable):
        parse(url)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://chat.example.com", Endpoint("chat.example.com", 443)),
        ("HTTPS://Chat.Example.com./a?b=c", Endpoint("chat.example.com", 443, "/a", "b=c")),
        ("https://chat.example.com:8443/", Endpoint("chat.example.com", 8443, "/")),
        ("https://8.8.8.8/hook", Endpoint("8.8.8.8", 443, "/hook")),
        (
            "https://[2606:4700:4700::1111]/hook",
            Endpoint("2606:4700:4700::1111", 443, "/hook"),
        ),
    ],
)
def test_an_endpoint_is_a_host_a_port_a_path_and_a_query(url: str, endpoint: Endpoint) -> None:
    assert parse(url) == endpoint


def test_locally_this_machine_and_plain_http_are_allowed_too() -> None:
    local = Endpoint("127.0.0.1", 8080, "/hook", is_tls=False)
    assert parse("http://127.0.0.1:8080/hook", allows_local=True) == local
    with pytest.raises(Unsuitable):
        parse("ftp://127.0.0.1", allows_local=True)


@pytest.mark.parametrize(
    ("url", "whole", "below"),
    [
        ("https://a.example", "/", "/Communication/1.2"),
        ("https://a.example/", "/", "/Communication/1.2"),
        ("https://a.example/fhir/", "/fhir/", "/fhir/Communication/1.2"),
        ("https://a.example/x?key=1&b=/", "/x?key=1&b=/", "/x/Communication/1.2?key=1&b=/"),
    ],
)
def test_a_resource_is_put_below_the_path_and_before_the_query(
    url: str, whole: str, below: str
) -> None:
    assert parse(url).target() == whole
    assert parse(url).target("Communication", "1.2") == below


@pytest.mark.parametrize(
    ("other", "is_below"),
    [
        ("https://a.example/fhir", True),
        ("https://A.example:443/fhir/", True),
        ("https://a.example/fhir/below", True),
        ("https://a.example/fhirs", False),
        ("https://a.example/elsewhere", False),
        ("https://a.example", False),
        ("https://a.example/fhir/../elsewhere", False),
        ("https://a.example/fhir/%2E%2e/elsewhere", False),
        ("https://a.example/fhir/..%2Felsewhere", False),
        ("https://a.example:8443/fhir", False),
        ("https://b.a.example/fhir", False),
        ("http://a.example/fhir", False),
        ("", False),
    ],
)
def test_below_an_endpoint_are_paths_of_the_same_server(other: str, *, is_below: bool) -> None:
    assert is_at_or_below("https://a.example/fhir", other) is is_below


def test_everything_of_a_server_is_below_its_root() -> None:
    assert is_at_or_below("https://a.example", "https://a.example/fhir")


def test_nothing_is_below_what_is_no_endpoint() -> None:
    assert not is_at_or_below("", "")


@pytest.mark.parametrize(
    "host",
    ["a..example", "-a.example", "a-.example", "a!.example", f"{'a' * 64}.example", "a.b" * 100],
)
def test_a_host_has_labels_that_names_can_have(host: str) -> None:
    with pytest.raises(Unsuitable):
        parse(f"https://{host}/fhir")


@pytest.mark.parametrize("host", ["xn--cht-qla.example", "my_hook.example", f"{'a' * 63}.example"])
def test_a_host_that_names_can_have_is_offered(host: str) -> None:
    assert parse(f"https://{host}/fhir").host == host
