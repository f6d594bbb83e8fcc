//! A compact, bounded binary encoding: texts preceded by their length, numbers in network byte order.
//!
//! Anything unexpected reads as `None`, which the cache treats as a miss.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::clock::Timestamp;

/// The largest encoded value: a session token of 16 KiB, the largest accepted, and everything else in an entry. The
/// kernel takes 32,767 octets per key; an AWS session takes about 1,300.
pub(super) const MAX_LENGTH: usize = 24 * 1024;

/// Collects fields in one buffer that never moves, so that wiping it leaves no copy behind.
pub(super) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    /// Starts with the version of the encoding. `spare` octets stay free at the end, for a tag.
    pub(super) fn new(version: u8, spare: usize) -> Self {
        let mut bytes = Vec::with_capacity(MAX_LENGTH + spare);
        bytes.push(version);
        Self(Zeroizing::new(bytes))
    }

    /// Returns what was written, or `None` if it did not fit.
    pub(super) fn finish(self) -> Option<Zeroizing<Vec<u8>>> {
        (self.0.len() <= MAX_LENGTH).then_some(self.0)
    }

    pub(super) fn number(&mut self, number: u64) {
        self.octets(&number.to_be_bytes());
    }

    pub(super) fn time(&mut self, time: Timestamp) {
        self.octets(&time.unix_seconds().to_be_bytes());
    }

    pub(super) fn octets(&mut self, octets: &[u8]) {
        if self.0.len() + octets.len() <= MAX_LENGTH {
            self.0.extend_from_slice(octets);
        } else {
            // One octet over the limit, so that `finish` fails.
            self.0.resize(MAX_LENGTH, 0);
            self.0.push(0);
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        match u16::try_from(text.len()) {
            Ok(length) => {
                self.octets(&length.to_be_bytes());
                self.octets(text.as_bytes());
            }
            Err(_) => self.octets(&[0; MAX_LENGTH]),
        }
    }

    /// Writes a text that is probably base64, which then takes three quarters of the space.
    pub(super) fn base64_text(&mut self, text: &str) {
        let octets = STANDARD.decode(text).map(Zeroizing::new);
        let counted = octets.ok().and_then(|octets| Some((u16::try_from(octets.len()).ok()?, octets)));
        match counted {
            // Only if encoding gives the same text back.
            Some((length, octets)) if *Zeroizing::new(STANDARD.encode(&octets)) == *text => {
                self.octets(&[1]);
                self.octets(&length.to_be_bytes());
                self.octets(&octets);
            }
            Some(_) | None => {
                self.octets(&[0]);
                self.text(text);
            }
        }
    }

    pub(super) fn optional_text(&mut self, text: Option<&str>) {
        match text {
            None => self.octets(&[0]),
            Some(text) => {
                self.octets(&[1]);
                self.text(text);
            }
        }
    }
}

/// Reads fields from the front of a buffer, in the order in which they were written.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts reading a value of this version; `None` for another version.
    pub(super) fn new(bytes: &'a [u8], version: u8) -> Option<Self> {
        if bytes.len() > MAX_LENGTH {
            return None;
        }
        let (first, rest) = bytes.split_first()?;
        (*first == version).then_some(Self(rest))
    }

    /// Succeeds if nothing is left.
    pub(super) fn finish(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.octets().map(u64::from_be_bytes)
    }

    pub(super) fn time(&mut self) -> Option<Timestamp> {
        self.octets().map(|octets| Timestamp::from_unix_seconds(i64::from_be_bytes(octets)))
    }

    pub(super) fn octets<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (octets, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*octets)
    }

    pub(super) fn text(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(self.octets()?).into();
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }

    pub(super) fn base64_text(&mut self) -> Option<String> {
        match self.octets()? {
            [0] => self.text(),
            [1] => {
                let length = u16::from_be_bytes(self.octets()?).into();
                let (octets, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Some(STANDARD.encode(octets))
            }
            _ => None,
        }
    }

    pub(super) fn optional_text(&mut self) -> Option<Option<String>> {
        match self.octets()? {
            [0] => Some(None),
            [1] => self.text().map(Some),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_in_order() {
        let mut writer = Writer::new(7, 0);
        writer.number(42);
        writer.text("é");
        writer.optional_text(None);
        writer.optional_text(Some(""));
        writer.time(Timestamp::MIN);
        let tokens =
            ["", "AAAA", "AA==", "AB==", "AAA", "A-_A", "no base64", &"FwoGZXIvYXdzE//+".repeat(1000)];
        tokens.iter().for_each(|token| writer.base64_text(token));
        let bytes = writer.finish().expect("a few octets fit");
        let mut reader = Reader::new(&bytes, 7).expect("the version is the one written");
        assert_eq!(reader.number(), Some(42));
        assert_eq!(reader.text().as_deref(), Some("é"));
        assert_eq!(reader.optional_text(), Some(None));
        assert_eq!(reader.optional_text(), Some(Some(String::new())));
        assert_eq!(reader.time(), Some(Timestamp::MIN));
        for token in tokens {
            assert_eq!(reader.base64_text().as_deref(), Some(token));
        }
        assert!(bytes.len() < 12_200, "{}: three quarters", bytes.len());
        assert_eq!(reader.finish(), Some(()));
        assert!(Reader::new(&bytes, 8).is_none());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for length in [MAX_LENGTH, usize::from(u16::MAX) + 1] {
            let mut writer = Writer::new(1, 0);
            writer.text(&"x".repeat(length));
            writer.text("after");
            assert!(writer.finish().is_none());
        }
    }
}
