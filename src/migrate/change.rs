//! What a switch makes of a file, and what the way back makes of it. Pure: octets to octets.

use zeroize::Zeroizing;

use super::files::{KEYS, section};
use crate::aws_file::Kind;
use crate::ini::{self, Change, IniError};

/// What is written in place of a key.
#[derive(Clone, Copy, Debug)]
pub struct NewWay<'a> {
    /// The profiles that hold the key, in either file.
    pub profiles: &'a [String],
    /// The value of `credential_process`.
    pub line: &'a str,
    /// The region of a profile that has none.
    pub region: &'a str,
}

/// The content of both files.
#[derive(Clone, Copy)]
pub struct Both<'a> {
    /// Of the config file.
    pub config: &'a [u8],
    /// Of the credentials file.
    pub credentials: &'a [u8],
}

impl<'a> Both<'a> {
    const fn of(self, kind: Kind) -> &'a [u8] {
        match kind {
            Kind::Config => self.config,
            Kind::Credentials => self.credentials,
        }
    }
}

impl std::fmt::Debug for Both<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Both")
    }
}

/// Returns a file after the switch: the config file starts this program in each of the profiles, and neither file has their keys.
///
/// # Errors
///
/// Fails if a section occurs twice, or if the line cannot be written.
pub fn switched(kind: Kind, before: Both<'_>, new_way: &NewWay<'_>) -> Result<Zeroizing<Vec<u8>>, IniError> {
    let mut content = Zeroizing::new(before.of(kind).to_vec());
    for profile in new_way.profiles {
        let own = section(kind, &content, profile)?;
        let mut changes: Vec<(&str, Change<'_>)> = KEYS.iter().map(|key| (*key, Change::Remove)).collect();
        if kind == Kind::Config {
            changes.push(("credential_process", Change::Set(new_way.line)));
            if adds_region(before, profile)? {
                changes.push(("region", Change::Set(new_way.region)));
            }
        }
        content = ini::edited(&content, &own, &changes)?;
    }
    Ok(content)
}

/// Tells whether a profile has no region in either file, and so gets one.
fn adds_region(before: Both<'_>, profile: &str) -> Result<bool, IniError> {
    for kind in [Kind::Config, Kind::Credentials] {
        let content = before.of(kind);
        if ini::value(content, &section(kind, content, profile)?, "region").is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns a file on the way back.
///
/// Where it is as the switch left it, it becomes what it was, octet for octet. Where others have changed it since, only the
/// profiles do, and what others wrote stays: a section that is as the switch left it becomes what it was, and in any other one
/// the keys that the switch changed.
///
/// # Errors
///
/// Fails if a section occurs twice, or if a value of before cannot be written into it.
pub fn restored(
    kind: Kind,
    current: &[u8],
    before: Both<'_>,
    new_way: &NewWay<'_>,
) -> Result<Zeroizing<Vec<u8>>, IniError> {
    let after = switched(kind, before, new_way)?;
    let old = before.of(kind);
    if current == after.as_slice() || current == old {
        return Ok(Zeroizing::new(old.to_vec()));
    }
    let mut content = Zeroizing::new(current.to_vec());
    for profile in new_way.profiles {
        content = match section_restored(kind, &content, old, &after, profile)? {
            Some(content) => content,
            None => keys_restored(kind, &content, before, profile)?,
        };
    }
    Ok(content)
}

/// Puts the old section in the place of the new one; `None` if the section is not as the switch left it.
fn section_restored(
    kind: Kind,
    current: &[u8],
    old: &[u8],
    after: &[u8],
    profile: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>, IniError> {
    let of = |content: &[u8]| ini::span(content, &section(kind, content, profile)?);
    let (Some(here), Some(there)) = (of(current)?, of(after)?) else {
        // It had no section here before, and has none now.
        let is_absent = of(old)?.is_none() && of(current)?.is_none();
        return Ok(is_absent.then(|| Zeroizing::new(current.to_vec())));
    };
    // The last line of a file may have no line feed until something follows it.
    let trimmed = |octets: &'_ [u8]| octets.trim_ascii_end().to_vec();
    if trimmed(&current[here.clone()]) != trimmed(&after[there]) {
        return Ok(None);
    }
    let old_section = of(old)?.map(|span| &old[span]).unwrap_or_default();
    let (before, behind) = (&current[..here.start], &current[here.end..]);
    let needs_line_feed = !old_section.is_empty() && !old_section.ends_with(b"\n") && !behind.is_empty();
    let line_feed: &[u8] = if needs_line_feed { b"\n" } else { b"" };
    Ok(Some(Zeroizing::new([before, old_section, line_feed, behind].concat())))
}

/// Gives a profile the values that it had of each key that the switch changes.
fn keys_restored(
    kind: Kind,
    current: &[u8],
    before: Both<'_>,
    profile: &str,
) -> Result<Zeroizing<Vec<u8>>, IniError> {
    let old = before.of(kind);
    let old_section = section(kind, old, profile)?;
    // An empty value says nothing, and cannot be written.
    let value =
        |key| std::str::from_utf8(ini::value(old, &old_section, key)?).ok().filter(|value| !value.is_empty());
    let changed: &[&str] = match kind {
        Kind::Config => &[KEYS[0], KEYS[1], KEYS[2], KEYS[3], "credential_process"],
        Kind::Credentials => &KEYS,
    };
    let changes: Vec<(&str, Change<'_>)> =
        changed.iter().map(|key| (*key, value(*key).map_or(Change::Remove, Change::Set))).collect();
    ini::edited(current, &section(kind, current, profile)?, &changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &[u8] = b"# mine\r\n[default]\r\nregion = eu-west-1\r\n\r\n[profile b]\r\noutput=json\r\n";
    const CREDENTIALS: &[u8] = b"[default]\naws_access_key_id = AKIA1\naws_secret_access_key = canary/+=\n\
        # a word\nx = 1\n\n[b]\naws_access_key_id=AKIA1\naws_secret_access_key=canary/+=\naws_session_token =\n\n\
        [c]\naws_access_key_id = AKIA2\naws_secret_access_key = other";

    fn both() -> Both<'static> {
        Both { config: CONFIG, credentials: CREDENTIALS }
    }

    fn names() -> Vec<String> {
        ["default", "b"].map(String::from).to_vec()
    }

    fn text(octets: &[u8]) -> String {
        String::from_utf8(octets.to_vec()).unwrap()
    }

    fn new_way(profiles: &[String]) -> NewWay<'_> {
        NewWay { profiles, line: "/bin/anyrole credential-process n", region: "eu-central-1" }
    }

    #[test]
    fn the_keys_go_and_every_other_line_stays() {
        let profiles = names();
        let credentials = switched(Kind::Credentials, both(), &new_way(&profiles)).unwrap();
        assert_eq!(
            text(&credentials),
            "[default]\n# a word\nx = 1\n\n[b]\n\n[c]\naws_access_key_id = AKIA2\naws_secret_access_key = other"
        );
        let config = switched(Kind::Config, both(), &new_way(&profiles)).unwrap();
        assert_eq!(
            text(&config),
            "# mine\r\n[default]\r\nregion = eu-west-1\r\ncredential_process = /bin/anyrole credential-process n\r\n\r\n\
             [profile b]\r\noutput=json\r\ncredential_process = /bin/anyrole credential-process n\r\nregion = eu-central-1\r\n"
        );
    }

    #[test]
    fn the_way_back_ends_where_it_began() {
        let profiles = names();
        for kind in [Kind::Config, Kind::Credentials] {
            let new = switched(kind, both(), &new_way(&profiles)).unwrap();
            let back = restored(kind, &new, both(), &new_way(&profiles)).unwrap();
            assert_eq!(text(&back), text(both().of(kind)));
            let again = restored(kind, &back, both(), &new_way(&profiles)).unwrap();
            assert_eq!(text(&again), text(both().of(kind)));
        }
    }

    #[test]
    fn what_others_wrote_meanwhile_stays() {
        let profiles = names();
        for kind in [Kind::Config, Kind::Credentials] {
            let new = switched(kind, both(), &new_way(&profiles)).unwrap();
            let before = text(both().of(kind));
            // A profile behind: octet for octet but for it.
            let behind = format!("{}\n[z]\nregion = x\n", text(&new));
            let back = restored(kind, behind.as_bytes(), both(), &new_way(&profiles)).unwrap();
            assert_eq!(text(&back), format!("{before}\n[z]\nregion = x\n"));
            // A comment before.
            let above = format!("# hello\n{}", text(&new));
            let back = restored(kind, above.as_bytes(), both(), &new_way(&profiles)).unwrap();
            assert_eq!(text(&back), format!("# hello\n{before}"));
        }
        // A key in the section itself: the keys are back, and it stays.
        let new = text(&switched(Kind::Config, both(), &new_way(&profiles)).unwrap());
        let inside = new.replace("[default]\r\n", "[default]\r\noutput = text\r\n");
        let back = text(&restored(Kind::Config, inside.as_bytes(), both(), &new_way(&profiles)).unwrap());
        assert_eq!(back, text(CONFIG).replace("[default]\r\n", "[default]\r\noutput = text\r\n"));
        let new = text(&switched(Kind::Credentials, both(), &new_way(&profiles)).unwrap());
        let inside = new.replace("x = 1\n", "x = 2\n");
        let back =
            text(&restored(Kind::Credentials, inside.as_bytes(), both(), &new_way(&profiles)).unwrap());
        for line in ["x = 2", "aws_access_key_id = AKIA1", "aws_secret_access_key = canary/+=", "# a word"] {
            assert!(back.contains(line), "{back}");
        }
        // The whole profile: it is back.
        let without = new.replace("[b]\n\n", "");
        let back =
            text(&restored(Kind::Credentials, without.as_bytes(), both(), &new_way(&profiles)).unwrap());
        assert!(
            back.contains("[b]\naws_access_key_id = AKIA1\naws_secret_access_key = canary/+=\n"),
            "{back}"
        );
    }

    #[test]
    fn a_config_file_that_was_not_there_is_empty_again() {
        let before = Both { config: b"", credentials: CREDENTIALS };
        let profiles = names();
        let new = switched(Kind::Config, before, &new_way(&profiles)).unwrap();
        assert!(text(&new).starts_with("[default]\ncredential_process = "), "{}", text(&new));
        let more = format!("{}\n[profile z]\nregion = x\n", text(&new));
        assert!(restored(Kind::Config, &new, before, &new_way(&profiles)).unwrap().is_empty());
        let back = text(&restored(Kind::Config, more.as_bytes(), before, &new_way(&profiles)).unwrap());
        assert!(back.trim_start().starts_with("[profile z]\nregion = x\n"), "{back}");
    }
}
