//! The octets of commands and answers (TPM 2.0 Library, part 1 §18, part 2): big-endian numbers, and buffers with their length before them.

/// Takes an answer, or a structure of a key file, apart. What is not there is `None`; nothing is allocated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Takes a buffer with its length before it (`TPM2B_…`), and returns what is in it.
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Room for every command, so that nothing which grows leaves a copy behind.
const ROOM: usize = 1024;

/// Puts a command together.
#[derive(Debug)]
pub(super) struct Writer(Vec<u8>);

impl Default for Writer {
    fn default() -> Self {
        Self(Vec::with_capacity(ROOM))
    }
}

impl Writer {
    pub(super) fn u8(mut self, number: u8) -> Self {
        self.0.push(number);
        self
    }

    pub(super) fn u16(self, number: u16) -> Self {
        self.octets(&number.to_be_bytes())
    }

    pub(super) fn u32(self, number: u32) -> Self {
        self.octets(&number.to_be_bytes())
    }

    pub(super) fn octets(mut self, octets: &[u8]) -> Self {
        self.0.extend_from_slice(octets);
        self
    }

    /// Appends a buffer with its length before it. All of ours are shorter than 64 KiB, since a command is.
    pub(super) fn sized(self, octets: &[u8]) -> Self {
        let length = u16::try_from(octets.len()).unwrap_or(u16::MAX);
        self.u16(length).octets(octets)
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}
