//! The networks from which a role may be used.

use std::net::IpAddr;

use super::error::SetupError;

const FLAG: &str = "egress-cidr";

/// Takes a network as IAM compares it with `aws:SourceIp`: an address and the length of its prefix, of addresses that AWS
/// can see.
///
/// # Errors
///
/// Fails if it is no network, has bits beyond its prefix, is every address, or is of addresses that never reach AWS.
pub fn network(text: &str) -> Result<String, SetupError> {
    let wrong = |why: String| SetupError::value(FLAG, text, why);
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address
        .parse()
        .map_err(|_| wrong(String::from("a network is an address and a length: 203.0.113.0/24")))?;
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let length: u32 = match length {
        None => width,
        Some(text) if text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit()) => text
            .parse()
            .ok()
            .filter(|length| *length <= width)
            .ok_or_else(|| wrong(format!("its length is 0 to {width}")))?,
        Some(_) => return Err(wrong(format!("its length is 0 to {width}"))),
    };
    if length == 0 {
        return Err(wrong(String::from("it is every address, and restricts nothing")));
    }
    let host = bits.checked_shl(length).unwrap_or_default();
    if host != 0 {
        let first = bits & !(u128::MAX >> length);
        let first = match address {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(first >> 96).unwrap_or_default().into()),
            IpAddr::V6(_) => IpAddr::V6(first.into()),
        };
        return Err(wrong(format!("the network is {first}/{length}, the one address is {address}/{width}")));
    }
    if let Some(kind) = unseen(address) {
        return Err(wrong(format!(
            "{kind} never reach AWS as a source: give the public address that your NAT or proxy has, and for VPC endpoints --egress-vpc"
        )));
    }
    Ok(format!("{address}/{length}"))
}

/// Says why AWS never sees such an address as a source.
fn unseen(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) if address.is_private() => Some("private addresses (RFC 1918)"),
        IpAddr::V4(address) if address.octets()[0] == 100 && (64..128).contains(&address.octets()[1]) => {
            Some("addresses behind a carrier's NAT (RFC 6598)")
        }
        IpAddr::V4(address) if address.is_link_local() => Some("link-local addresses"),
        IpAddr::V6(address) if address.segments()[0] & 0xfe00 == 0xfc00 => {
            Some("unique local addresses (RFC 4193)")
        }
        IpAddr::V6(address) if address.segments()[0] & 0xffc0 == 0xfe80 => Some("link-local addresses"),
        _ if address.is_loopback() => Some("loopback addresses"),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// Takes the id of a VPC.
///
/// # Errors
///
/// Fails if it is none.
pub fn vpc(text: &str) -> Result<String, SetupError> {
    let is_id = text
        .strip_prefix("vpc-")
        .is_some_and(|id| (8..=17).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_id {
        return Ok(text.to_owned());
    }
    Err(SetupError::value("egress-vpc", text, "the id of a VPC is vpc- and 8 or 17 hexadecimal digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, expected) in [
            ("203.0.113.0/24", "203.0.113.0/24"),
            ("203.0.113.7", "203.0.113.7/32"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("128.0.0.0/1", "128.0.0.0/1"),
        ] {
            assert_eq!(network(text).unwrap(), expected);
        }
        for (text, why) in [
            ("203.0.113.7/24", "the network is 203.0.113.0/24, the one address is 203.0.113.7/32"),
            ("2001:db8::1/64", "the network is 2001:db8::/64"),
            ("0.0.0.0/0", "restricts nothing"),
            ("::/0", "restricts nothing"),
            ("10.0.0.0/8", "RFC 1918"),
            ("100.64.0.0/10", "RFC 6598"),
            ("fd00::/8", "RFC 4193"),
            ("127.0.0.0/8", "loopback"),
            ("203.0.113.0/33", "0 to 32"),
            ("203.0.113.0/+4", "0 to 32"),
            ("example.com", "an address and a length"),
        ] {
            let error = network(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
