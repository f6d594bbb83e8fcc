//! What is preserved and what is changed, by example and with thousands of generated files.

use proptest::prelude::*;

use super::*;

const KEYS: [(&str, Change<'static>); 3] = [
    ("aws_access_key_id", Change::Set("ASIANEW")),
    ("aws_session_token", Change::Set("new/token=")),
    ("aws_security_token", Change::Remove),
];

fn set(content: &str, section: &str) -> String {
    let section = Section::plain(section).expect("a name");
    let whole = edited(content.as_bytes(), &section, &KEYS).expect("it can be changed");
    String::from_utf8(whole.to_vec()).expect("text")
}

#[test]
fn what_is_there_is_replaced_and_what_is_missing_added_behind_the_last_property() {
    let before = "# head\n[a]\naws_access_key_id=OLD\nregion = x\n\n# of b\n[b]\naws_access_key_id = B\n";
    let after = "# head\n[a]\naws_access_key_id=ASIANEW\nregion = x\naws_session_token = new/token=\n\n# of b\n[b]\n\
                 aws_access_key_id = B\n";
    assert_eq!(set(before, "a"), after);
    assert_eq!(set(after, "a"), after);
}

#[test]
fn a_section_is_added_at_the_end() {
    let section = "[a]\naws_access_key_id = ASIANEW\naws_session_token = new/token=\n";
    assert_eq!(set("", "a"), section);
    assert_eq!(set("[b]\nx=1\n", "a"), format!("[b]\nx=1\n\n{section}"));
    assert_eq!(set("[b]\nx=1\n\n", "a"), format!("[b]\nx=1\n\n{section}"));
    assert_eq!(set("# only this\n", "a"), format!("# only this\n\n{section}"));
    assert_eq!(set("[b]\r\nx=1\r\n", "a"), format!("[b]\r\nx=1\r\n\r\n{}", section.replace('\n', "\r\n")));
    assert_eq!(set("[b]\nx=1", "a"), format!("[b]\nx=1\n\n{}", section.trim_end()), "no ending is kept");
    let nothing = edited(b"[b]\n", &Section::plain("a").unwrap(), &[("x", Change::Update("y"))]).unwrap();
    assert_eq!(*nothing, b"[b]\n");
}

/// The defects of the official helper, U5 to U7 and D3: each lost or duplicated something.
#[test]
fn the_files_that_the_official_helper_damaged() {
    let three = "aws_access_key_id = ASIANEW\naws_session_token = new/token=\n";
    // The last line of the section and of the file is another key.
    assert_eq!(
        set("[a]\naws_access_key_id = X\nregion = eu-west-1", "a").lines().nth(2),
        Some("region = eu-west-1")
    );
    // The next header is the last line.
    assert_eq!(set("[a]\n[b]", "a"), format!("[a]\n{three}[b]"));
    // The header itself is the last line, with and without trailing blanks.
    assert_eq!(set("[a]\n", "a"), format!("[a]\n{three}"));
    assert_eq!(set("[a]", "a"), format!("[a]\n{}", three.trim_end()));
    assert_eq!(set("[a] \n", "a"), format!("[a] \n{three}"));
    // Indented keys.
    assert_eq!(
        set("[a]\n  aws_access_key_id = X\n  region = y\n", "a"),
        "[a]\n  aws_access_key_id = ASIANEW\n  region = y\n  aws_session_token = new/token=\n"
    );
    // CRLF.
    assert_eq!(
        set("[a]\r\naws_access_key_id = X\r\n", "a"),
        format!("[a]\r\n{}", three.replace('\n', "\r\n"))
    );
    // A key that starts like ours.
    let before = "[a]\naws_access_key_id_old = X\n";
    assert_eq!(set(before, "a"), format!("{before}{three}"));
    // A line of more than 64 KiB, and everything after it.
    let long = format!("[a]\nx = {}\n[keep]\ny = 1\n", "z".repeat(70_000));
    let after = set(&long, "a");
    assert_eq!(after.len(), long.len() + three.len());
    assert!(after.ends_with("[keep]\ny = 1\n"));
    // The blank line after the section stays after it.
    assert_eq!(set("[a]\nx = 1\n\n[b]\n", "a"), format!("[a]\nx = 1\n{three}\n[b]\n"));
}

#[test]
fn a_section_is_found_in_each_spelling_and_then_has_the_one_that_all_read() {
    for header in ["[a]", "[a]  ", "\t[a]", "[a] # x", "[a];x", "[a]x"] {
        let after = set(&format!("{header}\n"), "a");
        assert!(after.starts_with(&format!("{header}\n")), "{header:?}: {after:?}");
        assert_eq!(after.lines().count(), 3, "{header:?}: {after:?}");
    }
    for header in ["[ a ]", "[\"a\"]", "[ 'a' ]", "[a\t] ; x"] {
        let after = set(&format!("{header}\n"), "a");
        assert!(after.starts_with("[a]"), "{header:?}: {after:?}");
        assert_eq!(after.lines().count(), 3, "{header:?}: {after:?}");
    }
    assert!(set("[ \"my profile\" ]\n", "my profile").starts_with("[my profile]\n"));
    for other in ["[A]", "[profile a]", "[a.b]", "# [a]", "; [a]", "x = [a]"] {
        let after = set(&format!("{other}\n"), "a");
        assert!(after.starts_with(&format!("{other}\n\n[a]\n")), "{other:?}: {after:?}");
    }

    let section = Section::prefixed("profile", "my profile").unwrap();
    let changes = [("region", Change::Set("x"))];
    for (before, header) in [
        ("[profile \"my profile\"]\n", "[profile \"my profile\"]"),
        ("[ profile  'my profile']\n", "[profile \"my profile\"]"),
        ("", "[profile \"my profile\"]"),
    ] {
        let after = edited(before.as_bytes(), &section, &changes).unwrap();
        assert_eq!(after.as_slice(), format!("{header}\nregion = x\n").as_bytes());
    }
    let section = Section::prefixed("profile", "a").unwrap();
    for header in ["[profile a]", "[profile \"a\"]"] {
        let after = edited(format!("{header}\n[profilea]\n").as_bytes(), &section, &changes).unwrap();
        assert_eq!(*after, *b"[profile a]\nregion = x\n[profilea]\n");
    }
}

#[test]
fn a_key_is_found_in_each_spelling_and_then_stands_there_once() {
    for line in
        ["AWS_ACCESS_KEY_ID = X", "aws_access_key_id: X", "aws_access_key_id:X", "aws_access_key_id ="]
    {
        let after = set(&format!("[a]\n{line}\n"), "a");
        assert!(after.starts_with("[a]\naws_access_key_id = ASIANEW\naws_session_token"), "{line}: {after}");
    }
    assert_eq!(
        set("[a]\naws_access_key_id\t=  X ; y\naws_session_token = 1\n# kept\nAws_Access_Key_Id = 2\n", "a"),
        "[a]\naws_access_key_id\t=  ASIANEW\naws_session_token = new/token=\n# kept\n"
    );
}

#[test]
fn lines_that_continue_a_value_go_with_it_and_others_stay() {
    assert_eq!(
        set(
            "[a]\naws_session_token = x\n  y\n\n  # kept\n  z\ns3 =\n  aws_access_key_id = no\nregion = r\n",
            "a"
        ),
        "[a]\naws_session_token = new/token=\n\n  # kept\ns3 =\n  aws_access_key_id = no\nregion = r\n\
         aws_access_key_id = ASIANEW\n"
    );
    assert_eq!(
        set("[a]\nx = 1\naws_security_token = old\n more\ny = 2\n", "a"),
        "[a]\nx = 1\ny = 2\naws_access_key_id = ASIANEW\naws_session_token = new/token=\n"
    );
    // After a block, not into it.
    assert_eq!(
        set("[a]\ns3 =\n  x = 1\n\n[b]\n", "a"),
        "[a]\ns3 =\n  x = 1\naws_access_key_id = ASIANEW\naws_session_token = new/token=\n\n[b]\n"
    );
    // An indented header is not part of a value.
    assert_eq!(
        set("[a]\naws_session_token = x\n  [b]\n  y = 1\n", "a"),
        "[a]\naws_session_token = new/token=\naws_access_key_id = ASIANEW\n  [b]\n  y = 1\n"
    );
}

#[test]
fn octets_that_are_no_text_stay() {
    let before = b"\xEF\xBB\xBF# \xFF\xFE\x80\r[b]\rx = \xC3\r\n\n[a]\naws_access_key_id = \xFF\n".as_slice();
    let after = edited(before, &Section::plain("a").unwrap(), &KEYS).unwrap();
    let expected =
        [&before[..before.len() - 2], b"ASIANEW\naws_session_token = new/token=\n".as_slice()].concat();
    assert_eq!(*after, expected);
    let marked = edited(b"\xEF\xBB\xBF[a]\n", &Section::plain("a").unwrap(), &KEYS).unwrap();
    assert!(marked.starts_with(b"\xEF\xBB\xBF[a]\naws_access_key_id"));
}

#[test]
fn a_section_that_stands_there_twice_is_told_and_not_touched() {
    let section = Section::plain("a").unwrap();
    let error = edited(b"[a]\nx = 1\n[b]\n[ a ]\n", &section, &KEYS).expect_err("it is there twice");
    assert_eq!(error.to_string(), "the section [a] stands in it more than once, in the lines 1 and 4");
    // Other sections do not matter.
    assert_eq!(set("[b]\n[b]\n[a]\n", "a").lines().next(), Some("[b]"));
}

#[test]
fn what_could_not_be_read_back_is_refused_and_not_shown() {
    let section = Section::plain("a").unwrap();
    for value in [
        "",
        "canary\n[b]",
        "canary\r",
        "can\0ary",
        "\u{1b}canary",
        " canary",
        "canary ",
        "#canary",
        "canary ;x",
        "\u{2028}",
    ] {
        let error = edited(b"", &section, &[("key", Change::Set(value))]).expect_err(value);
        assert!(!format!("{error} {error:?}").contains("canary"));
        assert_eq!(error.id(), "ini-value");
    }
    for key in ["", "Key", "a b", "a=b", "[a]", "#a", "a:b"] {
        edited(b"", &section, &[(key, Change::Set("x"))]).expect_err(key);
    }
    for name in ["", " a", "a\n", "a]", "[a", "\"a\"", "a#b", "DEFAULT", "__proto__", "a\u{7f}"] {
        Section::plain(name).expect_err(name);
    }
    for content in [b"\xFF\xFE[\0a\0]\0".as_slice(), b"\xFE\xFF\0[", b"[a]\n\0"] {
        assert_eq!(edited(content, &section, &KEYS).expect_err("no text").id(), "ini-not-text");
    }
}

#[test]
fn a_value_is_found_as_it_stands() {
    let content = b"[b]\nkey = 1\n[ a ]\nother = 2\nKEY: x y \n  z\nkey = 3\n";
    let value = |section: &str, key: &str| value(content, &Section::plain(section).unwrap(), key);
    assert_eq!(value("a", "key"), Some(b"x y".as_slice()));
    assert_eq!(value("a", "missing"), None);
    assert_eq!(value("c", "key"), None);
}

/// Lines that a file may consist of, with any ending.
fn line() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just(String::new()),
        "[ \t]{0,3}(#|;)[a-z \\[\\]=]{0,5}",
        "[ \t]{0,3}\\[[ ]{0,1}(a|b|\"a\"|profile a)[ ]{0,1}\\][ ]{0,1}(# x|)",
        "[ \t]{0,3}(aws_access_key_id|AWS_SESSION_TOKEN|aws_security_token|region|s3)[ ]{0,1}(=|:)[ ]{0,1}[a-z#;=]{0,4}",
        "[ \t]{0,3}[a-z=:\\[\\]#; \u{e9}]{0,9}",
    ];
    (text, prop_oneof![8 => Just("\n"), 3 => Just("\r\n"), 1 => Just("\r"), 1 => Just("")])
        .prop_map(|(text, ending)| text + ending)
}

fn file() -> impl Strategy<Value = String> {
    proptest::collection::vec(line(), 0..14).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_together_are_the_file(content in proptest::collection::vec(any::<u8>(), 0..200)) {
        let joined: Vec<u8> =
            line::read(&content).iter().flat_map(|line| [line.text, line.ending].concat()).collect();
        prop_assert_eq!(joined, content);
    }

    #[test]
    fn only_the_wanted_lines_differ(content in file()) {
        let section = Section::plain("a").expect("a name");
        let Ok(after) = edited(content.as_bytes(), &section, &KEYS) else {
            let headers = line::read(content.as_bytes()).iter().filter(|line| matches!(line.kind, Kind::Header { .. })).count();
            prop_assert!(headers > 1);
            return Ok(());
        };
        // Repeating it changes nothing, and the values are there.
        let again = edited(&after, &section, &KEYS).expect("it could be changed before");
        prop_assert_eq!(&*again, &*after);
        for (key, change) in KEYS {
            let expected = match change {
                Change::Set(value) | Change::Update(value) => Some(value.as_bytes()),
                Change::Remove => None,
            };
            prop_assert_eq!(value(&after, &section, key), expected);
        }
        // Everything but these keys of this section is unchanged, except for the header's spelling, line endings where
        // something was added, and the blank line before a new section.
        prop_assert_eq!(others(&after, &section), others(content.as_bytes(), &section));
    }

    #[test]
    fn nothing_to_change_changes_nothing(content in file()) {
        let section = Section::plain("a").expect("a name");
        let plain = !content.contains("[ ") && !content.contains(" ]") && !content.contains("[\"");
        if let Ok(after) = edited(content.as_bytes(), &section, &[("missing", Change::Remove)])
            && plain
        {
            prop_assert_eq!(&*after, content.as_bytes());
        }
    }
}

/// The texts of all other lines.
fn others(content: &[u8], section: &Section) -> Vec<Vec<u8>> {
    let lines = line::read(content);
    let header = find(&lines, section).expect("once at most");
    let own = header.map_or(0..0, |header| header + 1..end_of_section(&lines, header));
    let mut is_ours = false;
    let mut texts = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match &line.kind {
            Kind::Property { key, .. } => {
                is_ours = own.contains(&index)
                    && KEYS.iter().any(|(known, _)| is_key(&line.text[key.clone()], known));
                if is_ours {
                    continue;
                }
            }
            Kind::Continuation if is_ours => continue,
            Kind::Blank => continue,
            Kind::Header { .. } if Some(index) == header => continue,
            Kind::Comment | Kind::Continuation | Kind::Header { .. } | Kind::Other => {}
        }
        texts.push(line.text.to_vec());
    }
    texts
}
