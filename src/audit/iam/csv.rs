//! Comma-separated values as IAM and spreadsheets write them (RFC 4180), with the place of whatever is wrong.

/// The most columns of a table.
const MOST_COLUMNS: usize = 200;
/// The longest value, in octets.
const LONGEST_VALUE: usize = 16 * 1024;
/// The most lines of a table: an account has 5,000 users.
const MOST_ROWS: usize = 100_000;

/// A table: its heading, and its rows of as many values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) heading: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Where it begins, from 1.
    pub(super) line: usize,
    pub(super) values: Vec<String>,
}

/// Where a text is no table, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) line: usize,
    pub(super) why: String,
}

/// Parses a table. Empty lines are passed over.
pub(super) fn parse(text: &str) -> Result<Table, Wrong> {
    let mut reader = Reader { rest: text, line: 1 };
    let mut table = Table::default();
    while let Some(row) = reader.row()? {
        if row.values.len() == 1 && row.values[0].trim().is_empty() {
            continue;
        }
        if table.heading.is_empty() {
            table.heading = row.values;
            continue;
        }
        let (found, expected) = (row.values.len(), table.heading.len());
        if found != expected {
            let why = format!("it has {found} values, and the first line has {expected}");
            return Err(Wrong { line: row.line, why });
        }
        if table.rows.len() == MOST_ROWS {
            let why = format!("there are more than {MOST_ROWS} lines");
            return Err(Wrong { line: row.line, why });
        }
        table.rows.push(row);
    }
    Ok(table)
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

/// What ended a value.
enum End {
    Comma,
    Line,
}

impl Reader<'_> {
    /// Returns the next row; `None` at the end.
    fn row(&mut self) -> Result<Option<Row>, Wrong> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut row = Row { line: self.line, values: Vec::new() };
        loop {
            let (value, end) = if self.rest.starts_with('"') { self.quoted()? } else { self.plain() };
            if value.len() > LONGEST_VALUE {
                return Err(self.wrong(format!("a value is longer than {LONGEST_VALUE} octets")));
            }
            if row.values.len() == MOST_COLUMNS {
                return Err(self.wrong(format!("it has more than {MOST_COLUMNS} values")));
            }
            row.values.push(value);
            match end {
                End::Comma => {}
                End::Line => return Ok(Some(row)),
            }
        }
    }

    fn plain(&mut self) -> (String, End) {
        let length = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        let value = self.rest[..length].trim_end_matches('\r').to_owned();
        self.rest = &self.rest[length..];
        (value, self.end())
    }

    /// A value between quotes, in which two quotes are one.
    fn quoted(&mut self) -> Result<(String, End), Wrong> {
        let begun = self.line;
        let mut value = String::new();
        self.rest = &self.rest[1..];
        loop {
            let Some(quote) = self.rest.find('"') else {
                return Err(Wrong { line: begun, why: String::from("a quote is not closed") });
            };
            value.push_str(&self.rest[..quote]);
            self.line += self.rest[..quote].matches('\n').count();
            self.rest = &self.rest[quote + 1..];
            match self.rest.strip_prefix('"') {
                Some(rest) => {
                    value.push('"');
                    self.rest = rest;
                }
                None => break,
            }
        }
        if let Some(rest) = self.rest.strip_prefix('\r') {
            self.rest = rest;
        }
        if self.rest.is_empty() || self.rest.starts_with([',', '\n']) {
            return Ok((value, self.end()));
        }
        Err(self.wrong(String::from("there is text behind a closing quote")))
    }

    /// Takes what ends a value.
    fn end(&mut self) -> End {
        if let Some(rest) = self.rest.strip_prefix(',') {
            self.rest = rest;
            return End::Comma;
        }
        if let Some(rest) = self.rest.strip_prefix('\n') {
            self.rest = rest;
            self.line += 1;
        }
        End::Line
    }

    fn wrong(&self, why: String) -> Wrong {
        Wrong { line: self.line, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_lines_and_ends_are_read() {
        let table = parse("a,b\r\n1,\"x,\"\"y\"\"\n\"\r\n\n2,").unwrap();
        assert_eq!(table.heading, ["a", "b"]);
        let rows: Vec<_> = table.rows.iter().map(|row| (row.line, row.values.clone())).collect();
        let of = |one: &str, other: &str| vec![one.to_owned(), other.to_owned()];
        assert_eq!(rows, [(2, of("1", "x,\"y\"\n")), (5, of("2", ""))]);
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, line, why) in [
            ("a,b\n1\n", 2, "1 values"),
            ("a\n\"1", 2, "not closed"),
            ("a\n\"1\"2\n", 2, "behind"),
            (&format!("a\n{}\n", "x".repeat(20_000)), 3, "longer"),
            (&",".repeat(300), 1, "more than 200"),
        ] {
            let wrong = parse(text).unwrap_err();
            assert!(wrong.line == line && wrong.why.contains(why), "{wrong:?}");
        }
    }
}
