import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowmill.spec.values.inet import canonical_inet


# The right sides are what PostgreSQL 18 prints.
@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.3.4/32", "1.2.3.4"),
        ("1.2.3.4/24", "1.2.3.4/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0:0::1/64", "2001:db8::1/64"),
        ("1::8/128", "1::8"),
        ("::", "::"),
        ("::/0", "::/0"),
        ("::1", "::1"),
        ("::0.0.0.5", "::5"),
        ("::1.2.3.4", "::1.2.3.4"),
        ("0:0:0:0:0:ffff:102:304/96", "::ffff:1.2.3.4/96"),
        ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1:0:0:2:0:0:4:3", "1::2:0:0:4:3"),
        ("0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"),
        ("0:0:1::", "0:0:1::"),
        ("0:1:0:0:0:0:0:0", "0:1::"),
        ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"),
    ],
)
def test_an_address_is_printed_as_postgres_prints_it(text: str, printed: str) -> None:
    assert canonical_inet(text) == printed


@given(st.integers(0, 2**128 - 1) | st.integers(0, 2**48).map(lambda n: n << 40))
def test_the_canonical_text_is_the_same_address_and_its_own(number: int) -> None:
    shown = canonical_inet(str(ipaddress.IPv6Address(number)))
    assert int(ipaddress.IPv6Address(shown)) == number
    assert canonical_inet(shown) == shown


NO_ADDRESS = [
    "",
    "x",
    "1.2.3",
    "1.2.3.4/",
    "1.2.3.4/33",
    "1.2.3.4/-1",
    "1.2.3.4/٣",
    "1.2.3.4/24/24",
    "1.2.3.4/255.255.255.0",
    "::1/129",
    "fe80::1%eth0",
]


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no inet; expected"):
        canonical_inet(text)
