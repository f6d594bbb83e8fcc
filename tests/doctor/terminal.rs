//! Colour and symbols for people, and for nobody else.

use std::process::Stdio;

use super::host::Host;
use crate::support::components::missing;

fn told(host: &Host, arguments: &[&str], env: &[(&str, &str)]) -> String {
    let mut command = host.stage.anyrole(arguments);
    command.envs(env.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[test]
fn colour_is_where_it_is_wanted() {
    let host = Host::set();
    for arguments in
        [&["doctor", "--offline"][..], &["help", "doctor"], &["help"], &["explain", "nothing-like-it"]]
    {
        let plain = told(&host, arguments, &[("TERM", "xterm")]);
        assert!(!plain.contains('\u{1b}'), "{plain}");
        let forced = told(&host, arguments, &[("CLICOLOR_FORCE", "1")]);
        assert!(forced.contains("\u{1b}["), "{forced}");
        let off = told(&host, arguments, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
        assert_eq!(off, plain);
    }
    let forced = told(&host, &["doctor", "--offline"], &[("CLICOLOR_FORCE", "1")]);
    assert!(forced.contains("✘ bad") && forced.contains("✔ good"), "{forced}");
    let json = told(&host, &["doctor", "--offline", "--json"], &[("CLICOLOR_FORCE", "1")]);
    assert!(!json.contains('\u{1b}'), "{json}");
}

/// At a real terminal, which `script` of util-linux makes.
#[test]
fn a_terminal_has_colour_and_the_cause_last() {
    let host = Host::set();
    let program = env!("CARGO_BIN_EXE_anyrole");
    let script = |term: &str, more: &str| {
        let mut command = host.stage.bare("/usr/bin/script");
        command.args(["-qec", &format!("{program} doctor --offline {more}"), "/dev/null"]).env("TERM", term);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).output()
    };
    let Ok(output) = script("xterm", "") else {
        return missing("/usr/bin/script");
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\u{1b}[1;31m") && text.contains('✘'), "{text}");
    let last: Vec<&str> =
        text.lines().rev().filter(|line| line.contains("hint:") || line.contains("cause:")).take(2).collect();
    assert!(last[1].contains("cause:"), "{text}");
    let dumb = String::from_utf8(script("dumb", "").unwrap().stdout).unwrap();
    assert!(!dumb.contains('\u{1b}') && dumb.contains("cause: session"), "{dumb}");
}
