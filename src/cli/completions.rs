//! `completions`: what a shell needs to complete commands, flags and values; generated from the table of settings.
//!
//! Besides `man`, the only command that builds the tree of all commands.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueHint};
use clap_complete::aot::{Shell, generate};

use super::args::{Needs, Spec, Words, argument};
use super::report::Failure;
use super::settings::table::{Kind, Setting};
use super::usage::UsageError;
use super::{COMMANDS, Invocation, output};
use crate::manual;

/// The shells, as words on the command line.
const SHELLS: &str = "bash|zsh|fish|powershell";

/// `anyrole completions`.
pub(super) const SPEC: Spec = Spec {
    name: "completions",
    about: "Prints the completions of a shell.",
    words: Words::One("bash|zsh|fish|powershell"),
    groups: &[],
    flags: &[],
    more: "\
To install them, for bash:
  anyrole completions bash \\
    > ~/.local/share/bash-completion/completions/anyrole
For zsh, into a folder of fpath, before compinit runs:
  anyrole completions zsh > ~/.zfunc/_anyrole
For fish:
  anyrole completions fish > ~/.config/fish/completions/anyrole.fish
For PowerShell, in $PROFILE:
  anyrole completions powershell | Out-String | Invoke-Expression
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let word = invocation.typed.words.first().map_or("", String::as_str);
    let shell = match word {
        "bash" => Shell::Bash,
        "fish" => Shell::Fish,
        "powershell" => Shell::PowerShell,
        "zsh" => Shell::Zsh,
        _ => {
            let (command, word) = (SPEC.name, word.to_owned());
            return Err(UsageError::Word { command, word, expected: SHELLS }.into());
        }
    };
    let mut text = Vec::new();
    generate(shell, &mut tree(), "anyrole", &mut text);
    if shell == Shell::Fish {
        text.extend_from_slice(fish_words().as_bytes());
    }
    output::write(&text).map_err(Failure::output)
}

/// Returns what clap_complete leaves out for fish: the words that commands take besides their flags.
fn fish_words() -> String {
    let mut lines = String::new();
    for command in tree().get_subcommands() {
        let words = command.get_positionals().flat_map(Arg::get_possible_values);
        let words: Vec<_> = words.map(|word| word.get_name().to_owned()).collect();
        if !words.is_empty() {
            let (name, words) = (command.get_name(), words.join(" "));
            lines += &format!(
                "complete -c anyrole -n \"__fish_anyrole_using_subcommand {name}\" -f -a \"{words}\"\n"
            );
        }
    }
    lines
}

/// Builds every command, those of two words inside their group.
fn tree() -> Command {
    let mut tree = Command::new("anyrole").disable_version_flag(true).disable_help_subcommand(true);
    for spec in COMMANDS {
        tree = match spec.name.split_once(' ') {
            None => tree.subcommand(branch(spec, spec.name)),
            Some((group, name)) if tree.find_subcommand(group).is_some() => {
                tree.mut_subcommand(group, |group| group.subcommand(branch(spec, name)))
            }
            Some((group, name)) => {
                let about = format!("The commands of {group}.");
                let group = Command::new(group).about(about).disable_help_subcommand(true);
                tree.subcommand(group.subcommand(branch(spec, name)))
            }
        };
    }
    tree
}

fn branch(spec: &'static Spec, name: &'static str) -> Command {
    let branch = Command::new(name).about(spec.about).args(spec.all_flags().map(flag));
    match spec.words {
        Words::None | Words::CommandOfAnother => branch,
        Words::Command => {
            let first = |spec: &&'static Spec| spec.name.split(' ').next().unwrap_or_default();
            let mut names: Vec<_> = COMMANDS.iter().map(first).collect();
            names.dedup();
            names.extend(manual::TOPICS.iter().map(|(name, ..)| *name));
            branch.arg(Arg::new("words").value_parser(PossibleValuesParser::new(names)))
        }
        Words::Optional("ID") => {
            let ids = manual::REFUSALS.iter().map(|(id, _)| *id);
            branch.arg(Arg::new("words").value_parser(PossibleValuesParser::new(ids)))
        }
        Words::One(words) if words.contains('|') && words == SHELLS => {
            branch.arg(Arg::new("words").value_parser(PossibleValuesParser::new(words.split('|'))))
        }
        Words::Paths => branch.arg(Arg::new("words").num_args(0..).value_hint(ValueHint::AnyPath)),
        Words::Session | Words::Sessions | Words::SessionAndCommand | Words::One(_) | Words::Optional(_) => {
            branch.arg(Arg::new("words").value_hint(ValueHint::Other))
        }
    }
}

/// Returns a flag with its possible values.
fn flag(setting: &'static Setting) -> Arg {
    let flag = argument(setting);
    match setting.kind {
        Kind::Boolean => flag.value_parser(PossibleValuesParser::new(["true", "false"])),
        Kind::Word(words) => flag.value_parser(PossibleValuesParser::new(words.split('|'))),
        Kind::List("PATH" | "FILE" | "INPUT") | Kind::Text("PATH" | "FILE" | "INPUT") => {
            flag.value_hint(ValueHint::FilePath)
        }
        Kind::List("FOLDER") | Kind::Text("FOLDER") => flag.value_hint(ValueHint::DirPath),
        Kind::Discreet(_) | Kind::Duration | Kind::Integer | Kind::List(_) | Kind::Secret | Kind::Text(_) => {
            flag.value_hint(ValueHint::Other)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_sound() {
        tree().debug_assert();
    }
}
