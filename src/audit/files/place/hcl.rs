//! Blocks of HCL, Terraform's and Packer's language: `provider "aws"`, `resource "aws_db_instance" "main"`.

use super::{DEPTH, cut};

/// How far a text was read, and which blocks are open there.
#[derive(Default)]
pub(super) struct Walk {
    at: usize,
    open: Vec<String>,
    /// How many more are open than are followed.
    deeper: usize,
    /// Where the line begins.
    line: usize,
}

impl Walk {
    pub(super) fn name(&mut self, text: &[u8], to: usize) -> Option<String> {
        while self.at < to {
            let rest = &text[self.at..];
            match rest[0] {
                b'\n' => self.line = self.at + 1,
                b'#' => self.at += to_line_end(rest),
                b'/' if rest.starts_with(b"//") => self.at += to_line_end(rest),
                b'"' => {
                    let length = string_length(rest);
                    if self.at + length > to {
                        break;
                    }
                    self.at += length - 1;
                }
                b'{' => self.begin(&text[self.line..self.at]),
                b'}' if self.deeper > 0 => self.deeper -= 1,
                b'}' => {
                    self.open.pop();
                }
                _ => {}
            }
            self.at += 1;
        }
        let blocks: Vec<&str> =
            self.open.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        Some(blocks.join(" ")).filter(|path| !path.is_empty())
    }

    fn begin(&mut self, before: &[u8]) {
        if self.open.len() < DEPTH {
            let name = before.trim_ascii();
            self.open.push(cut(name.strip_suffix(b"=").unwrap_or(name).trim_ascii()));
        } else {
            self.deeper += 1;
        }
    }
}

/// Returns the distance to the last octet of the line.
fn to_line_end(rest: &[u8]) -> usize {
    memchr::memchr(b'\n', rest).unwrap_or(rest.len()).saturating_sub(1)
}

/// Returns the length of the string at the beginning of `rest`, with its quotes; it ends with its line at the latest.
fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'"' => return at + 1,
            b'\n' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    rest.len()
}
