//! Ranges of addresses for `aws:SourceIp`: `203.0.113.0/24`, `2001:db8::/32`, or one address.

use std::net::IpAddr;

/// A range of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AddressRange {
    address: IpAddr,
    length: u8,
}

/// Why a text is not a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The part before the slash is not an address.
    #[error("it is neither an IPv4 nor an IPv6 address, nor a range such as 203.0.113.0/24 or 2001:db8::/32")]
    Address,
    /// The part after the slash is not a prefix length.
    #[error("the number behind the slash is not one of 0 to {most}")]
    Length {
        /// The longest prefix of the address's family.
        most: u8,
    },
}

impl AddressRange {
    /// Parses a range. Bits after the prefix are ignored, as in IAM.
    pub(super) fn parse(text: &str) -> Result<Self, AddressError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| AddressError::Address)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => most,
            // `parse` alone would accept a sign.
            Some(digits) => Some(digits)
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .filter(|length| *length <= most)
                .ok_or(AddressError::Length { most })?,
        };
        Ok(Self { address, length })
    }

    /// Returns whether an address is in the range; one of the other family is not.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        let behind = |bits: u32| bits.saturating_sub(self.length.into());
        match (self.address, address) {
            // A shift by all bits is the range of all addresses.
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(behind(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(behind(128)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_their_prefix_says() {
        for (range, address, expected) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.7/24", "203.0.113.1", true),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.6", false),
            ("203.0.113.6/31", "203.0.113.7", true),
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.7", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("2001:DB8::1", "2001:db8::1", true),
            ("2001:db8::/127", "2001:db8::2", false),
        ] {
            let found = AddressRange::parse(range).unwrap().contains(address.parse().unwrap());
            assert_eq!(found, expected, "{range} {address}");
        }
    }

    #[test]
    fn other_texts_are_no_ranges() {
        for text in [
            "",
            "x",
            "*",
            "203.0.113",
            "203.0.113.256",
            "203.0.113.0-9",
            "${aws:SourceIp}",
            "/24",
            "1.2.3.4 ",
        ] {
            assert_eq!(AddressRange::parse(text), Err(AddressError::Address), "{text}");
        }
        for text in
            ["203.0.113.0/33", "203.0.113.0/", "203.0.113.0/+8", "203.0.113.0/8/8", "203.0.113.0/255.0.0.0"]
        {
            assert_eq!(AddressRange::parse(text), Err(AddressError::Length { most: 32 }), "{text}");
        }
        assert_eq!(AddressRange::parse("::/129"), Err(AddressError::Length { most: 128 }));
    }
}
