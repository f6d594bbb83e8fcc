//! `advise`: where this runs, and whether something better than a certificate is at hand.

use std::path::Path;

use serde::Serialize;

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::settings::table::{Kind, Setting};
use super::{Invocation, output};
use crate::advise::probe::{self, Answer};
use crate::advise::{Confidence, Finding, Host, Place, places};
use crate::diagnostic::{Diagnostic, Fault};
use crate::text::{printable, quoted};

const PROBE: Setting =
    Setting::flag("probe", Kind::Boolean, "ask the link-local address whether the instance has a role");
const ROOT: Setting =
    Setting::flag("root", Kind::Text("FOLDER"), "look at an image or another host's files below a folder");
const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON for programs");

/// `anyrole advise`.
pub(super) const SPEC: Spec = Spec {
    name: "advise",
    about: "Says where this runs, and whether something better than a certificate is at hand.",
    words: Words::None,
    groups: &[],
    flags: &[PROBE, ROOT, JSON],
    more: "\
Looks at files and variables, and sends nothing. What it tells has its evidence beside it, and how sure
it is. The values of variables that may hold a secret are not shown.

With --probe it asks the metadata service of EC2 (IMDSv2, on the link-local address, for two seconds at
most) whether it is there and whether the instance has a role, by its name alone.

With --root the variables are those of proc/self/environ below the folder, and none of this process.
Exit status: 0.
",
    needs: Needs::Everything,
    run,
};

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdviseError {
    /// Another host's address cannot be asked from here.
    #[error("anyrole advise asks the metadata service of this host alone, and --root is another's")]
    ProbeElsewhere,
    /// There is no such folder.
    #[error("--root {} is no folder", quoted(folder))]
    Root {
        /// The folder.
        folder: String,
    },
}

impl AdviseError {
    /// The ids of all variants.
    pub(super) const IDS: &[&str] = &["advise-root"];
}

impl Diagnostic for AdviseError {
    fn id(&self) -> &'static str {
        "advise-root"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::ProbeElsewhere => "leave out --probe, or --root",
            Self::Root { .. } => "give the folder in which the image's etc, sys and proc are",
        }))
    }
}

/// The answer, for programs: the first place is where this runs, and the others are around it or only possible.
#[derive(Serialize)]
struct Document<'a> {
    places: &'a [Finding],
    /// Whether something is better than a certificate at the first place.
    better: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<&'a Answer>,
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let host = match invocation.typed.flag(ROOT.name) {
        None => Host::this(invocation.env.clone()),
        Some(_) if invocation.has(&PROBE) => return Err(AdviseError::ProbeElsewhere.into()),
        Some(folder) if Path::new(folder).is_dir() => Host::below(Path::new(folder)),
        Some(folder) => return Err(AdviseError::Root { folder: folder.to_owned() }.into()),
    };
    let answer = invocation.has(&PROBE).then(|| probe::ask(&host));
    let places = places(&host, answer.as_ref());
    let document = Document {
        better: places.first().is_some_and(|finding| finding.instead.is_some()),
        places: &places,
        probe: answer.as_ref(),
    };
    let written = if invocation.has(&JSON) {
        output::write_json("advise", &document)
    } else {
        output::write_lines(&text(&places, answer.as_ref()))
    };
    written.map_err(Failure::output)
}

fn text(places: &[Finding], answer: Option<&Answer>) -> String {
    let Some((first, others)) = places.split_first() else { return String::new() };
    let mut text = format!("This is {} ({}).\n", first.name, word(first.confidence));
    for evidence in &first.evidence {
        text.push_str(&format!("  {}: {}\n", printable(&evidence.source), evidence.says));
    }
    if let Some(answer) = answer {
        text.push_str(&format!("  the metadata service of EC2: {}\n", told(answer)));
    }
    match first.instead {
        Some(instead) => text.push_str(&format!("\nBetter than a certificate: {instead}.\n")),
        None => {
            text.push_str("\nNothing here is better than a certificate: IAM Roles Anywhere is the way.\n")
        }
    }
    for (index, step) in first.steps.iter().enumerate() {
        text.push_str(&format!("  {}. {step}\n", index + 1));
    }
    for other in others {
        let around = if other.confidence == Confidence::Possible { "It may also be" } else { "Around it is" };
        text.push_str(&format!("\n{around} {} ({}).\n", other.name, word(other.confidence)));
        for evidence in &other.evidence {
            text.push_str(&format!("  {}: {}\n", printable(&evidence.source), evidence.says));
        }
        if let Some(instead) = other.instead {
            text.push_str(&format!("  there: {instead}\n"));
        }
    }
    if !places.iter().any(|finding| finding.place == Place::OnPremises) && first.instead.is_some() {
        text.push_str("\nA certificate is for what stands outside of all this: anyrole help setup.\n");
    }
    text
}

const fn word(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Possible => "possible",
        Confidence::Likely => "likely",
        Confidence::Certain => "certain",
    }
}

fn told(answer: &Answer) -> String {
    match answer {
        Answer::None => String::from("no answer"),
        Answer::NotAsked(why) => format!("not asked, since {why}"),
        Answer::Other(what) => format!("is another: {what}"),
        Answer::Role(role) => format!("the instance has the role {}", quoted(role)),
        Answer::WithoutRole => String::from("the instance has no role"),
    }
}
