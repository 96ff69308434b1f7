//! IP addresses and blocks as Istio reads them: Go's `netip`.

use std::net::IpAddr;

/// An IP block: addresses whose first `bits` bits are those of `base`. Host bits may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    /// An address of the block.
    pub base: IpAddr,
    /// How many bits count, up to 32 or 128.
    pub bits: u8,
}

impl Cidr {
    /// Reads `10.0.0.0/8`, `::/0` or a single address.
    pub fn parse(text: &str) -> Option<Cidr> {
        let Some((address, bits)) = text.rsplit_once('/') else {
            let base = parse_address(text)?;
            return Some(Cidr {
                base,
                bits: width(base),
            });
        };
        // A zone cannot stand in a block.
        let base: IpAddr = address.parse().ok()?;
        let plain = bits.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || (bits.len() > 1 && bits.starts_with('0')) {
            return None;
        }
        let bits: u8 = bits.parse().ok()?;
        (bits <= width(base)).then_some(Cidr { base, bits })
    }

    /// Whether an address is in the block. An IPv4 address is in no IPv6 block, nor the reverse.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differing = u32::from(base) ^ u32::from(address);
                u32::from(self.bits) <= differing.leading_zeros()
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differing = u128::from(base) ^ u128::from(address);
                u32::from(self.bits) <= differing.leading_zeros()
            }
            _ => false,
        }
    }
}

/// Reads one address; an IPv6 address may carry a zone, which does not count.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    match text.split_once('%') {
        None => text.parse().ok(),
        Some((address, zone)) if !zone.is_empty() => {
            let address: IpAddr = address.parse().ok()?;
            address.is_ipv6().then_some(address)
        }
        Some(_) => None,
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Reads a port as Istio does: Go's `ParseUint` in base 10, up to 65535.
pub fn parse_port(text: &str) -> Option<u16> {
    // Leading zeros are digits like any other, of any number.
    let digits = text.trim_start_matches('0');
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.is_empty() {
        return Some(0);
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks() {
        let block = |text: &str| Cidr::parse(text).expect(text);
        let address = |text: &str| -> IpAddr { text.parse().expect(text) };
        assert!(block("127.0.0.5/30").contains(address("127.0.0.4")));
        assert!(!block("127.0.0.5/30").contains(address("127.0.0.2")));
        assert!(block("0.0.0.0/0").contains(address("255.0.0.1")));
        assert!(!block("::/0").contains(address("127.0.0.1")));
        assert!(!block("::ffff:127.0.0.2").contains(address("127.0.0.2")));
        assert!(block("fe80::1%eth0").contains(address("fe80::1")));
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0",
            "010.0.0.1",
            "fe80::%e/64",
            "::1/",
            "1.2.3.4%e",
        ] {
            assert_eq!(Cidr::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn ports() {
        for (text, port) in [
            ("80", Some(80)),
            ("08080", Some(8080)),
            ("0", Some(0)),
            ("65535", Some(65535)),
            ("65536", None),
            ("+80", None),
            ("", None),
            ("http", None),
            ("00000000000000000000000000080", Some(80)),
        ] {
            assert_eq!(parse_port(text), port, "{text}");
        }
    }
}
