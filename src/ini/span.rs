//! Where a section is in a file, in octets.

use std::ops::Range;

use super::line::{self, Kind};
use super::{IniError, Section, end_of_section, find};

/// Returns the octets of a section: from its header to the end of its last line that is neither blank nor a comment;
/// `None` if there is none.
///
/// # Errors
///
/// Fails if the section occurs more than once.
pub fn span(content: &[u8], section: &Section) -> Result<Option<Range<usize>>, IniError> {
    let lines = line::read(content);
    let Some(header) = find(&lines, section)? else { return Ok(None) };
    let own = &lines[header..end_of_section(&lines, header)];
    let is_filler = |kind: &Kind| match kind {
        Kind::Blank | Kind::Comment => true,
        Kind::Continuation | Kind::Header { .. } | Kind::Other | Kind::Property { .. } => false,
    };
    let kept = own.iter().rposition(|line| !is_filler(&line.kind)).map_or(0, |last| last + 1);
    let octets = |lines: &[line::Line<'_>]| -> usize {
        lines.iter().map(|line| line.text.len() + line.ending.len()).sum()
    };
    let start = octets(&lines[..header]);
    Ok(Some(start..start + octets(&own[..kept])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_ends_with_its_last_property() {
        let content = b"# top\r\n[a]\r\nx = 1\r\n\r\n# of b\r\n[b]\ny = 2\n  z = 3\n; end";
        let of = |name| {
            let span = span(content, &Section::plain(name).unwrap()).unwrap()?;
            Some(std::str::from_utf8(&content[span]).unwrap())
        };
        assert_eq!(of("a"), Some("[a]\r\nx = 1\r\n"));
        assert_eq!(of("b"), Some("[b]\ny = 2\n  z = 3\n"));
        assert_eq!(of("c"), None);
    }
}
