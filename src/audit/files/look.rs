//! Looks closely at a text in which something was found: is it a key, where is it by name, and is its secret there too?
//!
//! Base64 and UTF-16 are undone where a key betrays itself inside of them, and what comes out is looked at in the same way.

use std::io::Read as _;
use std::ops::Range;

use base64::Engine as _;
use zeroize::Zeroizing;

use super::allow::{Allowance, inline};
use super::beside;
use super::escapes::{begins_word, is_word};
use super::key_id::{self, BASE64, Judgement, LENGTH, is_base64};
use super::literals::{Form, Hit, Literals};
use super::place::Place;

/// How many writings inside of each other are undone.
const DEPTH: usize = 3;
/// How far around a found text its base64 is decoded, in octets.
const DECODED: usize = 64 * 1024;
/// How much gzip in base64 is read, and how much of what comes out of it, in octets.
const INFLATED: usize = 4 * 1024 * 1024;
/// How much of one text is undone, in octets, all writings together: a hostile one would take hours.
const FUEL: usize = 64 * 1024 * 1024;
/// How much is undone in a text of any length, in octets; a longer one may have four times its own length.
const LEAST_FUEL: usize = 1024 * 1024;
/// How near to the end of a run without a find another look is worth it, in octets: an id in base64 may go on there.
const BARREN_EDGE: usize = 64;
/// How far a line of folded base64 is indented at most.
const INDENT: usize = 64;
/// From how many characters on a run of base64 is data, and no key with a slash beside it.
const NOISE: usize = 64;
/// How many keys of one text are told; a text with more of them is a list of one kind.
const MOST: usize = 1000;

/// A text to be looked at.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    /// The name of the file, by which its format is known.
    pub(super) name: &'a str,
    /// Whether `bytes` are all of it: where the beginning is missing, a path through JSON cannot be told.
    pub(super) whole: bool,
}

/// A key, or what looks like one, at a place of a text.
#[derive(Debug)]
pub(super) struct Sighting {
    pub(super) judgement: Judgement,
    /// Where in the text, in octets.
    pub(super) at: usize,
    /// Where by name: profile, path through JSON, variable.
    pub(super) place: Option<String>,
    pub(super) secret_beside: bool,
    /// What a comment beside it allows.
    pub(super) allowance: Option<Allowance>,
}

/// What is found in a text.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// In their order.
    pub(super) sightings: Vec<Sighting>,
    /// Whether there is more than is told or undone.
    pub(super) cut_off: bool,
}

/// Returns what is found in a text.
pub(super) fn look(literals: &Literals, text: Text<'_>) -> Looked {
    let fuel = FUEL.min(text.bytes.len().saturating_mul(4).saturating_add(LEAST_FUEL));
    let mut eye = Eye { literals, fuel, looked: Looked::default() };
    eye.look(text, DEPTH);
    eye.looked
}

/// One look at one text.
struct Eye<'a> {
    literals: &'a Literals,
    /// How many octets may still be undone.
    fuel: usize,
    looked: Looked,
}

impl Eye<'_> {
    fn look(&mut self, text: Text<'_>, depth: usize) {
        let mut from = 0;
        let mut place = Place::of(text.name, text.bytes, text.whole);
        // Base64 that says nothing is not decoded again for each place in it that looks like a key.
        let mut barren = Barren::default();
        while let Some(hit) = self.literals.find(text.bytes, from) {
            from = hit.start + 1;
            if self.looked.sightings.len() >= MOST {
                self.looked.cut_off = true;
                return;
            }
            let (judgement, end) = match hit.form {
                Form::Id => (id(text.bytes, &hit), hit.start + LENGTH),
                Form::Bedrock => bedrock(text.bytes, &hit),
                Form::BedrockShortTerm => bedrock_short_term(text.bytes, &hit),
                Form::Utf16 | Form::Gzip | Form::Base64(_) if depth == 0 => continue,
                Form::Utf16 => {
                    from = self.narrow(text, &hit, depth);
                    continue;
                }
                form @ (Form::Gzip | Form::Base64(_)) => {
                    let group = if let Form::Base64(group) = form { group } else { 0 };
                    if !barren.covers(&hit, group) {
                        match self.decode(text, &hit, group, depth, &mut place) {
                            Ok(end) => from = end,
                            Err(range) => barren.note(range, &hit, group),
                        }
                    }
                    continue;
                }
            };
            if let Some(judgement) = judgement {
                let range = hit.start..end;
                let secret_beside = matches!(&judgement, Judgement::Key(key) if key.is_secret
                    || beside::has_secret(text.bytes, range.clone()));
                self.looked.sightings.push(Sighting {
                    judgement,
                    at: hit.start,
                    place: place.name(range.clone()),
                    secret_beside,
                    allowance: inline(text.bytes, range),
                });
                from = end;
            }
        }
    }

    /// Looks at the characters of UTF-16 around a hit; returns where they end.
    fn narrow(&mut self, text: Text<'_>, hit: &Hit, depth: usize) -> usize {
        let (plain, start) = narrowed(text.bytes, hit);
        let whole = text.whole && start <= 2;
        let before = self.looked.sightings.len();
        self.look(Text { bytes: &plain, name: text.name, whole }, depth - 1);
        for sighting in &mut self.looked.sightings[before..] {
            sighting.at = start + sighting.at * 2;
        }
        hit.end.max(start + plain.len() * 2).min(text.bytes.len())
    }

    /// Looks at what the base64 around a hit says; returns where it ends, or the range in which nothing was found.
    fn decode(
        &mut self,
        text: Text<'_>,
        hit: &Hit,
        group: u8,
        depth: usize,
        place: &mut Place<'_>,
    ) -> Result<usize, Range<usize>> {
        let before = self.looked.sightings.len();
        let mut looked_at = hit.start..hit.end;
        if self.fuel == 0 {
            self.looked.cut_off = true;
            return Err(looked_at);
        }
        // On its line alone first: what stands on the next line may be another word. But a secret may stand there.
        let mut alone = Vec::new();
        let mut end = hit.end;
        for folds in [false, true] {
            let (plain, range) = decoded(text.bytes, hit, group, folds);
            if folds && range == looked_at {
                break;
            }
            self.fuel = self.fuel.saturating_sub(range.len());
            let plain = if hit.form == Form::Gzip { self.inflated(&plain) } else { plain };
            self.look(Text { bytes: &plain, name: "", whole: false }, depth - 1);
            for sighting in &mut self.looked.sightings[before..] {
                // What was found inside stands here, and is named by both.
                sighting.at = hit.start;
                sighting.place = joined(place.name(range.clone()), sighting.place.take());
                sighting.secret_beside |= matches!(sighting.judgement, Judgement::Key(_))
                    && beside::has_secret(text.bytes, range.clone());
                sighting.allowance = sighting.allowance.take().or_else(|| inline(text.bytes, range.clone()));
            }
            let found = &self.looked.sightings[before..];
            if found.iter().any(|sighting| sighting.secret_beside) {
                return Ok(range.end);
            }
            if !folds {
                (looked_at, end) = (range.clone(), range.end);
                alone = self.looked.sightings.split_off(before);
            } else if found.is_empty() {
                break;
            } else {
                return Ok(range.end);
            }
        }
        if !alone.is_empty() {
            self.looked.sightings.truncate(before);
            self.looked.sightings.append(&mut alone);
            return Ok(end);
        }
        Err(looked_at)
    }
}

impl Eye<'_> {
    /// Returns what was compressed, as far as it is there and may be undone.
    fn inflated(&mut self, compressed: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut plain = Zeroizing::new(Vec::new());
        let most = u64::try_from(self.fuel.min(INFLATED)).unwrap_or(0);
        // What is cut off or damaged is looked at up to there.
        let _ = flate2::bufread::GzDecoder::new(compressed).take(most).read_to_end(&mut plain);
        self.fuel = self.fuel.saturating_sub(plain.len());
        plain
    }
}

/// Runs of base64 in which nothing was found, by where their groups of four begin.
#[derive(Default)]
struct Barren([Range<usize>; 4]);

impl Barren {
    fn phase(hit: &Hit, group: u8) -> usize {
        (hit.start + 4 - usize::from(group)) % 4
    }

    fn note(&mut self, range: Range<usize>, hit: &Hit, group: u8) {
        self.0[Self::phase(hit, group)] = range;
    }

    /// Tells whether a hit is well within a run, and would be read in the same groups.
    fn covers(&self, hit: &Hit, group: u8) -> bool {
        let range = &self.0[Self::phase(hit, group)];
        range.contains(&hit.start) && hit.end + BARREN_EDGE <= range.end
    }
}

fn joined(outer: Option<String>, inner: Option<String>) -> Option<String> {
    match (outer, inner) {
        (Some(outer), Some(inner)) => Some(format!("{outer} > {inner}")),
        (outer, inner) => outer.or(inner),
    }
}

/// Judges an id, if it is a word by itself and no noise.
fn id(text: &[u8], hit: &Hit) -> Option<Judgement> {
    let end = hit.start + LENGTH;
    let id = text.get(hit.start..end)?;
    if text.get(end).is_some_and(|c| is_word(*c)) || !begins_word(text, hit.start) {
        return None;
    }
    let judgement = key_id::judge(id)?;
    (!is_noise(text, hit.start..end)).then_some(judgement)
}

/// Tells whether a word is a part of base64: it has `+` or `/` at a side, in a long run of such characters.
fn is_noise(text: &[u8], word: Range<usize>) -> bool {
    let touches =
        |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|c| matches!(c, b'+' | b'/'));
    if !touches(word.start.checked_sub(1)) && !touches(Some(word.end)) {
        return false;
    }
    let before = text[..word.start].iter().rev().take(NOISE).take_while(|c| is_base64(**c)).count();
    let behind = text[word.end..].iter().take(NOISE).take_while(|c| is_base64(**c)).count();
    before + behind + LENGTH >= NOISE
}

fn bedrock(text: &[u8], hit: &Hit) -> (Option<Judgement>, usize) {
    let rest = &text[hit.start..text.len().min(hit.start + 512)];
    let run = rest.iter().take_while(|c| is_base64(**c)).count();
    let padding = rest[run..].iter().take(2).take_while(|c| **c == b'=').count();
    let end = hit.start + run + padding;
    let is_word = begins_word(text, hit.start) && !text.get(end).is_some_and(|c| is_word(*c));
    let touched = hit.start.checked_sub(1).is_some_and(|at| matches!(text[at], b'+' | b'/'));
    let judgement = if is_word && !touched { key_id::judge_bedrock(&rest[..run + padding]) } else { None };
    (judgement, end)
}

fn bedrock_short_term(text: &[u8], hit: &Hit) -> (Option<Judgement>, usize) {
    let rest = &text[hit.end..text.len().min(hit.end + DECODED)];
    let run = rest.iter().take_while(|c| is_base64(**c)).count();
    (key_id::judge_bedrock_short_term(&rest[..run]), hit.end + run)
}

/// Returns the characters of the UTF-16 around a hit, as far as they are Latin, and where they begin.
///
/// Seen from the hit, both orders of octets are a letter and a zero.
fn narrowed(text: &[u8], hit: &Hit) -> (Vec<u8>, usize) {
    let is_letter = |pair: &[u8]| pair[0] != 0 && pair[1] == 0;
    let before = text[..hit.start].rchunks_exact(2).take_while(|pair| is_letter(pair)).count();
    let start = hit.start - before * 2;
    let letter = |pair: &[u8]| match pair {
        [letter, 0] | [letter] if *letter != 0 => Some(*letter),
        _ => None,
    };
    (text[start..].chunks(2).map_while(letter).collect(), start)
}

/// Decodes the base64 around a hit; returns what comes out, and where it stands.
///
/// With `folds` it goes on over line ends, and the blanks at the beginning of a line.
fn decoded(text: &[u8], hit: &Hit, group: u8, folds: bool) -> (Zeroizing<Vec<u8>>, Range<usize>) {
    let is_part = |at: usize| is_base64(text[at]) || matches!(text[at], b'-' | b'_');
    let is_fold = |at: usize| match text[at] {
        b'\n' | b'\r' => folds,
        b' ' | b'\t' => folds && starts_line(text, at),
        _ => false,
    };
    let mut start = hit.start;
    for at in (hit.start.saturating_sub(DECODED)..hit.start).rev() {
        if is_part(at) {
            start = at;
        } else if !is_fold(at) {
            break;
        }
    }
    let mut end = hit.end;
    let most = if hit.form == Form::Gzip { INFLATED } else { DECODED };
    for at in hit.end..text.len().min(hit.end + most) {
        if is_part(at) {
            end = at + 1;
        } else if !is_fold(at) {
            break;
        }
    }
    let clean = |range: Range<usize>| {
        range.filter(|at| is_part(*at)).map(|at| match text[at] {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
    };
    let mut encoded: Zeroizing<Vec<u8>> = Zeroizing::new(clean(start..hit.start).collect());
    // A word on the line before may have been taken along, so the groups are counted from the hit.
    let group = usize::from(group);
    if encoded.len() < group {
        return (Zeroizing::default(), start..end);
    }
    let surplus = (encoded.len() - group) % 4;
    encoded.drain(..surplus);
    encoded.extend(clean(hit.start..end));
    // One character more than groups is none of base64, but of what follows.
    if encoded.len() % 4 == 1 {
        encoded.pop();
    }
    (Zeroizing::new(BASE64.decode(&*encoded).unwrap_or_default()), start..end)
}

/// Tells whether there are only blanks, and few, between the beginning of a line and `at`.
fn starts_line(text: &[u8], at: usize) -> bool {
    let blanks = text[..at].iter().rev().take(INDENT).take_while(|c| matches!(c, b' ' | b'\t')).count();
    at == blanks || matches!(text[at - blanks - 1], b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "AKIAQNZGKIQY56JQ7WML";
    const SECRET: &str = "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";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, text).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    fn looked(name: &str, text: &[u8]) -> Vec<(String, bool, Option<String>)> {
        let literals = Literals::new().expect("it is built");
        let found = look(&literals, Text { bytes: text, name, whole: true }).sightings.into_iter();
        let key = |sighting: Sighting| match sighting.judgement {
            Judgement::Key(key) => Some((key.id, sighting.secret_beside, sighting.place)),
            Judgement::Passed(..) => None,
        };
        found.filter_map(key).collect()
    }

    #[test]
    fn keys_are_found_in_every_writing() {
        let both = format!("[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n");
        let wide: Vec<u8> = both.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = both.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let folded = STANDARD
            .encode(&both)
            .as_bytes()
            .chunks(60)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect::<Vec<_>>();
        for (name, text) in [
            ("credentials", both.clone().into_bytes()),
            ("credentials", wide.clone()),
            ("credentials", big),
            ("a.yaml", format!("data:\n  credentials: {}\n", STANDARD.encode(&both)).into_bytes()),
            ("a.yaml", format!("data: |\n    {}\nmore: x\n", folded.join("\n    ")).into_bytes()),
            ("a.ps1", format!("powershell -EncodedCommand {}", STANDARD.encode(&wide)).into_bytes()),
            ("a.yaml", format!("content: {}\n", STANDARD.encode(gzip(both.as_bytes()))).into_bytes()),
            (
                "a.yaml",
                format!("release: {}\n", STANDARD.encode(STANDARD.encode(gzip(both.as_bytes()))))
                    .into_bytes(),
            ),
            ("h", format!("Authorization: Basic {}", STANDARD.encode(format!("{ID}:{SECRET}"))).into_bytes()),
        ] {
            let found = looked(name, &text);
            assert_eq!(found.len(), 1, "{}: {found:?}", String::from_utf8_lossy(&text));
            assert_eq!((found[0].0.as_str(), found[0].1), (ID, true), "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn the_secret_of_a_kubernetes_secret_is_found() {
        let text = format!(
            "apiVersion: v1\nkind: Secret\ndata:\n  AWS_ACCESS_KEY_ID: {}\n  AWS_SECRET_ACCESS_KEY: {}\n",
            STANDARD.encode(ID),
            STANDARD.encode(SECRET)
        );
        assert_eq!(
            looked("s.yaml", text.as_bytes()),
            [(ID.to_owned(), true, Some("data.AWS_ACCESS_KEY_ID".to_owned()))]
        );
    }

    #[test]
    fn noise_is_no_key() {
        let noise = "q".repeat(50);
        for text in [format!("{noise}/{ID}+{noise}"), format!("x{ID}"), format!("{ID}2"), ID.to_lowercase()] {
            assert_eq!(looked("x", text.as_bytes()), [], "{text}");
        }
        let request = format!("X-Amz-Credential={ID}/20261123/eu-central-1/s3/aws4_request");
        assert_eq!(looked("x", request.as_bytes()).len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Whatever stands around and inside, looking ends, and nothing of a secret comes out.
        #[test]
        fn no_input_makes_it_panic(
            name in "[a-z]{0,3}(\\.(json|yaml|yml|xml|tf|tfstate|ini|toml|env|service))?",
            pieces in prop::collection::vec(prop_oneof![
                Just(String::from(ID)), Just(String::from(SECRET)), Just(STANDARD.encode(ID)),
                Just(String::from("A\0K\0I\0A\0Q\0")), Just(String::from("ABSK")), Just(String::from("\n")),
                Just(String::from("bedrock-api-key-")), "[\\[\\]{}\":,<>/=\\\\#%&-]{0,6}", "\\PC{0,12}",
                Just(String::from("anyrole:allow")), Just(String::from("  ")), Just(String::from("\"type\":\"")),
            ], 0..40),
        ) {
            let text = pieces.concat();
            for (_, _, place) in looked(&name, text.as_bytes()) {
                prop_assert!(!place.unwrap_or_default().contains(SECRET));
            }
        }

        #[test]
        fn no_octets_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
            let mut text = bytes;
            let at = at.index(text.len() + 1);
            text.splice(at..at, ID.bytes());
            looked("x.json", &text);
            looked("x.xml", &text);
        }
    }
}
