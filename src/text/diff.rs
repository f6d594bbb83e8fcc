//! The lines in which two texts differ, in the format of `diff -U0`.

use std::fmt::Write as _;

use super::printable_line;

/// The most comparisons; beyond that, all of the lines in question are shown.
const MOST: usize = 4_000_000;

/// Returns the changes from `old` to `new`: each with its line numbers and the last line above it that starts with `[`.
///
/// `shown` returns what to show of a line. Nothing around the changes is shown: it may be a secret.
pub fn diff(old: &str, new: &str, shown: impl Fn(&str) -> String) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let start = old.iter().zip(&new).take_while(same).count();
    let end = old[start..].iter().rev().zip(new[start..].iter().rev()).take_while(same).count();
    let (before, after) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let kept = common(before, after);
    let mut text = String::new();
    let (mut a, mut b) = (0, 0);
    for (next_a, next_b) in kept.into_iter().chain([(before.len(), after.len())]) {
        if next_a > a || next_b > b {
            let header = old[..start + a].iter().rev().find(|line| line.trim_start().starts_with('['));
            let header = header.map(|header| format!(" {}", shown(header.trim()))).unwrap_or_default();
            let _ = writeln!(
                text,
                "@@ -{} +{} @@{header}",
                lines(start + a, next_a - a),
                lines(start + b, next_b - b)
            );
            for (mark, line) in before[a..next_a]
                .iter()
                .map(|line| ('-', line))
                .chain(after[b..next_b].iter().map(|line| ('+', line)))
            {
                let _ = writeln!(text, "{mark}{}", printable_line(&shown(line)));
            }
        }
        (a, b) = (next_a + 1, next_b + 1);
    }
    text
}

/// Writes line numbers as `diff` does: for no lines, the one above.
fn lines(before: usize, count: usize) -> String {
    match count {
        0 => format!("{before},0"),
        1 => (before + 1).to_string(),
        _ => format!("{},{count}", before + 1),
    }
}

/// Returns a longest common subsequence, as pairs of indexes.
fn common(a: &[&str], b: &[&str]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    if a.len().saturating_mul(width) > MOST {
        return Vec::new();
    }
    let mut length = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            length[i * width + j] = if a[i] == b[j] {
                length[(i + 1) * width + j + 1] + 1
            } else {
                length[(i + 1) * width + j].max(length[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if length[(i + 1) * width + j] >= length[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_with_their_lines_and_their_section() {
        let old = "# top\n[a]\nx = 1\ny = 2\n\n[b]\nz = 3\n";
        let new = "# top\n[a]\nx = 9\ny = 2\nw = 4\n\n[b]\nz = 3\n\n[c]\nv = 5\n";
        assert_eq!(
            diff(old, new, str::to_owned),
            "@@ -3 +3 @@ [a]\n-x = 1\n+x = 9\n@@ -4,0 +5 @@ [a]\n+w = 4\n@@ -7,0 +9,3 @@ [b]\n+\n+[c]\n+v = 5\n"
        );
        assert_eq!(diff("", "[a]\n", str::to_owned), "@@ -0,0 +1 @@\n+[a]\n");
        assert_eq!(diff("a\n", "a\n", str::to_owned), "");
    }
}
