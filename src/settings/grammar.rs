//! Parses single values: booleans, integers and durations, as the official helper's flag library does.

use std::time::Duration;

/// Parses a boolean: `1 t T true True TRUE` and `0 f F false False FALSE`, nothing else.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Parses an integer in the base of its prefix: `0x`, `0o` or `0`, `0b`, else decimal.
///
/// Underscores are allowed between two digits, and between prefix and digit (Go's `strconv.ParseInt` with base 0).
pub(crate) fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        (8, rest)
    } else {
        (10, lower.as_str())
    };
    let misplaced =
        digits.ends_with('_') || digits.contains("__") || (radix == 10 && digits.starts_with('_'));
    let digits = digits.replace('_', "");
    if misplaced || digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(&digits, radix).ok()?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Parses a duration: whole seconds (in the syntax of [`integer`]), or a number with `s`, `m`, `h` or `d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    // A hexadecimal number may end in `d`, which is then not a unit.
    let plain = integer(text).map(|seconds| (seconds, 1));
    let with_unit = || {
        let unit = match text.chars().last()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        Some((integer(&text[..text.len() - 1])?, unit))
    };
    let (number, unit) = plain.or_else(with_unit)?;
    let seconds = u64::try_from(number).ok()?.checked_mul(unit)?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_go_reads_them_with_base_0() {
        for (text, value) in [
            ("3600", 3600),
            ("0", 0),
            ("-5", -5),
            ("+5", 5),
            ("0xE10", 3600),
            ("0XE10", 3600),
            ("0o7020", 3600),
            ("07020", 3600),
            ("0b1010", 10),
            ("3_600", 3600),
            ("0x_ff", 255),
            ("0_7", 7),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(integer(text), Some(value), "{text}");
        }
        for text in
            ["", "-", "+", "_1", "1_", "1__0", "0x", "08", "1e3", " 1", "--1", "9223372036854775808", "٣"]
        {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn durations_have_units() {
        for (text, seconds) in [
            ("900", 900),
            ("0xE10", 3600),
            ("1h", 3600),
            ("90m", 5400),
            ("45s", 45),
            ("1d", 86_400),
            ("0x3d", 61),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "-1h", "1w", "1.5h", "profile", "99999999999999999999h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn booleans_are_the_twelve_words() {
        assert_eq!(boolean("TRUE"), Some(true));
        assert_eq!(boolean("f"), Some(false));
        assert_eq!(boolean("yes"), None);
        assert_eq!(boolean("tRUE"), None);
    }
}
