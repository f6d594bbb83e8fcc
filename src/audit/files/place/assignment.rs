//! The name to which a value is given on its line: `export NAME=`, `"name": "`, `--name `, `<name>`.

/// How far before the value a name is looked for, in octets.
const REACH: usize = 160;
/// How many characters a name has at most: longer ones are values.
const LONGEST: usize = 64;

/// Returns the name before a value, if there is one on the line.
pub(super) fn name(text: &[u8], at: usize) -> Option<String> {
    let line = &text[at.saturating_sub(REACH)..at];
    let line = line.rsplit(|c| matches!(c, b'\n' | b'\0' | b'\r')).next().unwrap_or(line);
    let line = line.strip_suffix(b"%3D").or_else(|| line.strip_suffix(b"=3D")).unwrap_or(line);
    let is_between = |c: &u8| b" \t\"'`=:>(,\\[".contains(c);
    let end = line.len() - line.iter().rev().take_while(|c| is_between(c)).count();
    let is_name = |c: &u8| c.is_ascii_alphanumeric() || b"_.-".contains(c);
    let length = line[..end].iter().rev().take_while(|c| is_name(c)).count();
    let name = &line[end - length..end];
    // Between words of a sentence stand blanks too: `your key is …`.
    let is_assigned = line[end..].iter().any(|c| !c.is_ascii_whitespace())
        || name.starts_with(b"-")
        || name.contains(&b'_');
    let name = &name[name.iter().take_while(|c| matches!(c, b'-' | b'.')).count()..];
    let is_one =
        (2..=LONGEST).contains(&name.len()) && name.iter().any(u8::is_ascii_alphabetic) && end < line.len();
    (is_one && is_assigned).then(|| String::from_utf8_lossy(name).into_owned())
}
