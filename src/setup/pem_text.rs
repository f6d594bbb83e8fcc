//! DER as PEM (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters of base64 on a line.
const WIDTH: usize = 64;

/// Writes DER as one block of PEM, whatever else stood around it where it was read.
pub(super) fn pem_text(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, others) = rest.split_at(rest.len().min(WIDTH));
        text.push_str(line);
        text.push('\n');
        rest = others;
    }
    text + &format!("-----END {label}-----\n")
}
