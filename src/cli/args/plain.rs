//! Command lines that need no parser: each argument is plainly a flag with its value, or a word.
//!
//! A cached call with all settings in flags would spend a fifth of its time on building clap's command. Plain command
//! lines are parsed here; anything else (help, a mistake, a value that starts with a dash, `--`) is left to clap, and a
//! test checks that clap agrees with every result of this module.

use std::ffi::OsString;

use zeroize::Zeroizing;

use super::{Kind, Spec, Typed};

/// Returns the parsed arguments; `None` if clap is needed.
pub(super) fn read(spec: &Spec, arguments: &[OsString]) -> Option<Typed> {
    let mut typed = Typed::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let argument = argument.to_str().filter(|argument| !argument.is_empty())?;
        let Some(flag) = argument.strip_prefix('-') else {
            typed.words.push(argument.to_owned());
            continue;
        };
        let (name, value) = match flag.strip_prefix('-')?.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (&flag[1..], None),
        };
        let flag = spec.all_flags().find(|flag| flag.name == name)?;
        let value = match value {
            Some(value) => value,
            None if flag.kind == Kind::Boolean => "true",
            None => arguments.next()?.to_str().filter(|value| !value.starts_with('-'))?,
        };
        if value.is_empty() {
            return None;
        }
        typed.add(flag, Zeroizing::new(value.to_owned()));
    }
    Some(typed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;
    use crate::cli::COMMANDS;
    use crate::cli::args::{Request, parse_by_clap};

    /// Arguments as people and programs write them, correct and not.
    fn argument() -> impl Strategy<Value = (Index, &'static str, &'static str)> {
        let value =
            select(&["", "-", "--", "-x", "--role-arn", "a=b", "=", "15m", "true", "arn:aws:iam::1:role/x"]);
        let form = select(&["flag", "flag=value", "value", "-h", "--help", "--unknown", "deploy"]);
        (any::<Index>(), form, value)
    }

    proptest! {
        #[test]
        fn clap_says_the_same(
            command in any::<Index>(),
            parts in prop::collection::vec(argument(), 0..6),
        ) {
            let spec = *command.get(COMMANDS);
            let flags: Vec<&str> = spec.all_flags().map(|flag| flag.name).collect();
            let mut arguments: Vec<OsString> = Vec::new();
            for (index, form, value) in parts {
                let flag = if flags.is_empty() { "help" } else { *index.get(&flags) };
                arguments.push(match form {
                    "flag" => format!("--{flag}").into(),
                    "flag=value" => format!("--{flag}={value}").into(),
                    "value" => value.into(),
                    other => other.into(),
                });
            }
            if let Some(mut plain) = read(spec, &arguments) {
                let Ok(Request::Run(mut typed)) = parse_by_clap(spec, arguments.clone()) else {
                    return Err(TestCaseError::fail(format!("clap does not take {arguments:?}")));
                };
                plain.flags.sort_by_key(|(name, _)| *name);
                typed.flags.sort_by_key(|(name, _)| *name);
                prop_assert_eq!(plain, typed, "{:?}", arguments);
            }
        }
    }

    #[test]
    fn the_usual_lines_are_plain() {
        let spec = COMMANDS.iter().find(|spec| spec.name == "credential-process").expect("it is there");
        let is_plain = |line: &str| {
            let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            read(spec, &arguments).is_some()
        };
        assert!(is_plain(""));
        assert!(is_plain("deploy --no-cache --debug=false"));
        assert!(is_plain(
            "--certificate c.pem --private-key=k.pem --role-arn arn:aws:iam::111122223333:role/build"
        ));
        for line in ["-h", "--help", "--", "--role-arn", "--role-arn --", "--role-arn=", "--unknown x", "-x"]
        {
            assert!(!is_plain(line), "{line}");
        }
    }
}
