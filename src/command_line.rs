//! Command lines of `credential_process`: quoted so that every SDK starts the same words, and parsed as each of them
//! does.
//!
//! On Unix botocore and the AWS CLI split the line themselves (Python's `shlex`) and start the program without a shell;
//! the SDKs for Go, Java, JavaScript, Rust, .NET and C++ pass it to `sh -c`. On Windows the former split it like
//! Microsoft's runtime, and the latter pass it to `cmd /C`. All but botocore end a value at ` #` or ` ;`.

use std::fmt;

/// Why a command line cannot be quoted so that all SDKs run it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unquotable {
    /// A character with a special meaning that no quoting removes for all of them.
    #[error("it holds {0}")]
    Mark(&'static str),
}

/// The rules of which system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// `shlex` and `sh -c`.
    Unix,
    /// Microsoft's runtime and `cmd /C`.
    Windows,
}

impl System {
    /// Returns the system that this program runs on.
    pub const fn here() -> Self {
        if cfg!(windows) { Self::Windows } else { Self::Unix }
    }
}

/// Quotes the words as one line that every SDK splits into the same words.
///
/// # Errors
///
/// Fails if no quoting achieves that.
pub fn written(words: &[&str], system: System) -> Result<String, Unquotable> {
    let line = match system {
        System::Unix => words.iter().map(|word| quoted_on_unix(word)).collect::<Vec<_>>().join(" "),
        System::Windows => written_on_windows(words)?,
    };
    if line.contains(char::is_control) {
        return Err(Unquotable::Mark("a line break or another control character"));
    }
    match cut(&line) {
        Some(_) => {
            Err(Unquotable::Mark("a blank before # or ;, where all but the AWS CLI and boto3 end the value"))
        }
        None => Ok(line),
    }
}

/// Returns where a reader that treats ` #` and ` ;` as the start of a comment ends the value.
pub fn cut(value: &str) -> Option<usize> {
    [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| value.find(mark)).min()
}

fn is_plain(letter: char) -> bool {
    letter.is_alphanumeric() || "_-./:=@%+,".contains(letter)
}

/// AWS documents double quotes. If something in them is special to a shell, single quotes preserve it, also for
/// `shlex`.
fn quoted_on_unix(word: &str) -> String {
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else if !word.contains(['"', '$', '`', '\\', '!']) {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', "'\"'\"'"))
    }
}

/// `cmd /C` keeps quotes only if there are exactly two, around the program, and nothing special to it; otherwise it
/// strips the first and the last.
fn written_on_windows(words: &[&str]) -> Result<String, Unquotable> {
    let mut line = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if word.contains(['&', '<', '>', '(', ')', '@', '^', '|', '%', '!', '"', '\'', ',', ';', '=']) {
            return Err(Unquotable::Mark("a mark that cmd.exe gives a meaning of its own"));
        }
        match word.contains(char::is_whitespace) || word.is_empty() {
            false => line.push((*word).to_owned()),
            true if index == 0 => line.push(format!("\"{word}\"")),
            true => {
                return Err(Unquotable::Mark(
                    "a blank behind the program's name, which cmd.exe cannot be told to keep",
                ));
            }
        }
    }
    Ok(line.join(" "))
}

/// Why a line cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A quote that is never closed.
    #[error("a quote in it has no end")]
    OpenQuote,
    /// A backslash at the end.
    #[error("it ends with a backslash")]
    OpenEscape,
}

/// Something that `sh -c` reads differently from `shlex`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The text in question.
    pub mark: String,
    /// What a shell does with it.
    pub why: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.mark, self.why)
    }
}

/// A line as `shlex` splits it, and what a shell would read differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The words.
    pub words: Vec<String>,
    /// The differences, one of each kind.
    pub differences: Vec<Difference>,
}

impl Reading {
    fn differs(&mut self, mark: impl Into<String>, why: &'static str) {
        let difference = Difference { mark: mark.into(), why };
        if !self.differences.contains(&difference) {
            self.differences.push(difference);
        }
    }
}

/// Where in a word the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Bare,
    Single,
    Double,
}

/// Splits a line as Python's `shlex.split` does, and notes where `sh` differs.
///
/// # Errors
///
/// Fails if `shlex` would.
pub fn read(line: &str) -> Result<Reading, SplitError> {
    let mut reading = Reading::default();
    let mut word = String::new();
    let mut state = State::Between;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (state, letter) {
            (State::Single, '\'') | (State::Double, '"') => state = State::Bare,
            (State::Double, '\\') => match letters.next().ok_or(SplitError::OpenQuote)? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => {
                    if matches!(other, '$' | '`' | '\n') {
                        reading.differs(format!("\\{other}"), "loses its backslash");
                    }
                    word.extend(['\\', other]);
                }
            },
            (State::Double, '$' | '`') => {
                reading.differs(letter, "is replaced in double quotes");
                word.push(letter);
            }
            (State::Single | State::Double, letter) => word.push(letter),
            (State::Between | State::Bare, ' ' | '\t' | '\r' | '\n') => {
                if state == State::Bare {
                    reading.words.push(std::mem::take(&mut word));
                }
                state = State::Between;
            }
            (State::Between | State::Bare, '\'') => state = State::Single,
            (State::Between | State::Bare, '"') => state = State::Double,
            (State::Between | State::Bare, '\\') => {
                word.push(letters.next().ok_or(SplitError::OpenEscape)?);
                state = State::Bare;
            }
            (State::Between | State::Bare, letter) => {
                match letter {
                    '$' | '`' => reading.differs(letter, "is replaced"),
                    '*' | '?' | '[' => reading.differs(letter, "is a pattern for file names"),
                    '&' | '|' | ';' | '<' | '>' | '(' | ')' => {
                        reading.differs(letter, "joins commands or files");
                    }
                    '~' if state == State::Between => reading.differs(letter, "is the home folder"),
                    '#' if state == State::Between => reading.differs(letter, "begins a comment"),
                    '=' if reading.words.is_empty() && is_name(&word) => {
                        reading.differs(format!("{word}="), "sets a variable");
                    }
                    _ => {}
                }
                word.push(letter);
                state = State::Bare;
            }
        }
    }
    match state {
        State::Single | State::Double => Err(SplitError::OpenQuote),
        State::Between => Ok(reading),
        State::Bare => {
            reading.words.push(word);
            Ok(reading)
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Returns a line without what follows a flag or a key that is named as secrets are, up to the next flag, and without the PIN of a PKCS#11
/// URI.
pub fn without_secrets(line: &str) -> String {
    without_pins(&without_named_secrets(line))
}

/// Cuts out what follows `pin-value=`, up to what ends it in a URI or the URI itself.
fn without_pins(line: &str) -> String {
    const PIN: &str = "pin-value=";
    let mut shown = String::new();
    let mut rest = line;
    while let Some(found) = rest.to_ascii_lowercase().find(PIN) {
        let (before, pin) = rest.split_at(found + PIN.len());
        shown.push_str(before);
        shown.push('…');
        rest = &pin[pin.find(['&', ';', '"', '\'', ' ']).unwrap_or(pin.len())..];
    }
    shown + rest
}

fn without_named_secrets(line: &str) -> String {
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        // A switch: no PIN follows it.
        if matches!(name.trim(), "reuse-pin" | "reuse_pin") {
            return false;
        }
        ["password", "secret", "token", "pin", "external-id", "external_id"]
            .iter()
            .any(|part| name.contains(part))
    };
    if let Some((key, _)) = line.split_once('=')
        && !key.trim().contains([' ', '-'])
        && is_secret(key)
        && !key.trim().ends_with("file")
    {
        return format!("{key}= …");
    }
    let mut shown = String::new();
    let mut is_hidden = false;
    for part in line.split_inclusive(char::is_whitespace) {
        if let Some(flag) = part.trim_start_matches(['"', '\'']).strip_prefix("--") {
            let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
            is_hidden = is_secret(name) && !name.trim_end().ends_with("file");
            if is_hidden {
                let between = if value.is_empty() { ' ' } else { '=' };
                shown.push_str(&format!("--{}{between}… ", name.trim_end()));
                continue;
            }
        }
        if !is_hidden {
            shown.push_str(part);
        }
    }
    shown.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_in_a_uri_is_cut_out() {
        let line = "certificate = \"pkcs11:token=a?pin-value=4711&module-name=x\"";
        assert_eq!(without_secrets(line), "certificate = \"pkcs11:token=a?pin-value=…&module-name=x\"");
        let line = "x --private-key 'pkcs11:a?PIN-value=4711' --reuse-pin --profile p";
        assert_eq!(without_secrets(line), "x --private-key 'pkcs11:a?PIN-value=…' --reuse-pin --profile p");
    }

    #[test]
    fn what_is_written_is_split_into_the_same_words() {
        for word in [
            "/usr/bin/anyrole",
            "/a b/anyrole",
            "/it's/x",
            "/$HOME/x",
            "/a\"b'c$d\\e",
            "/ä ö/x",
            "",
            "a!b",
            "~",
            "/a (x86)/b",
        ] {
            let line = written(&[word, "credential-process", "deploy"], System::Unix).unwrap();
            let reading = read(&line).unwrap();
            assert_eq!(reading.words, [word, "credential-process", "deploy"], "{line}");
            assert_eq!(reading.differences, [], "{line}");
        }
        assert_eq!(written(&["/a b/anyrole", "x"], System::Unix).unwrap(), "\"/a b/anyrole\" x");
        for word in ["/a #b", "/a ;b", "/a\nb", "/a\t#"] {
            assert!(written(&[word], System::Unix).is_err(), "{word}");
        }
    }

    #[test]
    fn cmd_keeps_two_quotes_and_no_more() {
        let written = |words: &[&str]| written(words, System::Windows);
        let program = "C:\\Program Files\\anyrole.exe";
        assert_eq!(written(&[program, "x"]).unwrap(), format!("\"{program}\" x"));
        assert!(written(&["C:\\Program Files (x86)\\anyrole.exe"]).is_err());
        assert!(written(&[program, "--config", "C:\\my files\\a.toml"]).is_err());
        assert_eq!(written(&["C:\\anyrole.exe", "x"]).unwrap(), "C:\\anyrole.exe x");
    }

    #[test]
    fn what_a_shell_reads_otherwise_is_known() {
        let marks = |line: &str| {
            let reading = read(line).unwrap();
            reading.differences.into_iter().map(|found| found.mark).collect::<Vec<_>>()
        };
        assert_eq!(marks("$HOME/bin/x a"), ["$"]);
        assert_eq!(marks("~/bin/x \"$A\""), ["~", "$"]);
        assert_eq!(marks("A=b /bin/x --flag=value"), ["A="]);
        assert_eq!(marks("/bin/x 2>/dev/null | jq"), [">", "|"]);
        assert_eq!(marks("/bin/x '$HOME' \"a b\" a\\ b"), Vec::<String>::new());
        assert_eq!(read("a\\ b 'c").unwrap_err(), SplitError::OpenQuote);
        assert_eq!(read("a \\").unwrap_err(), SplitError::OpenEscape);
    }

    #[test]
    fn no_secret_of_a_line_is_shown() {
        let line = "credential_process = x --pkcs8-password \"a b\" --role-arn r --pkcs8-password-file f";
        assert_eq!(
            without_secrets(line),
            "credential_process = x --pkcs8-password … --role-arn r --pkcs8-password-file f"
        );
        assert_eq!(without_secrets("x --token=abc --role-arn r"), "x --token=… --role-arn r");
        assert_eq!(without_secrets("external_id = \"x\""), "external_id = …");
        assert_eq!(without_secrets("pkcs8_password_file = \"x\""), "pkcs8_password_file = \"x\"");
    }
}
