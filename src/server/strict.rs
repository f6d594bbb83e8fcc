//! Closes a connection at the first line that does not end as HTTP requires.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Rejects a line feed without a carriage return, and NUL.
///
/// hyper accepts such lines, other parsers may not, and request smuggling exploits such differences. A request here has
/// no body, so every octet belongs to a line (RFC 9112, section 2.2 lets a recipient be strict).
pub(super) struct Strict<S> {
    stream: S,
    /// Whether the last octet was a carriage return.
    after_return: bool,
}

impl<S> Strict<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, after_return: false }
    }

    fn check(&mut self, octets: &[u8]) -> io::Result<()> {
        for octet in octets {
            if *octet == 0 || (*octet == b'\n' && !self.after_return) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.after_return = *octet == b'\r';
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        std::task::ready!(Pin::new(&mut this.stream).poll_read(context, into))?;
        let outcome = this.check(&into.filled()[before..]);
        Poll::Ready(outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, from)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
