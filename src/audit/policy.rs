//! Judges policies of IAM: what they allow, what never holds in them, and whom the trust policies of Roles Anywhere admit.
//!
//! ```text
//! source ──► read ──► Document ──► rules ──► report       files, their policies, what is wrong with them
//! ```
//!
//! What stands in a file is looked at, and nothing is evaluated: what CloudFormation or Terraform will know later is unknown,
//! and where a verdict depends on it there is none, which is told.

mod actions;
mod document;
mod error;
mod finding;
mod node;
mod reach;
mod read;
mod report;
mod rules;
mod source;

use std::collections::BTreeSet;

pub(super) use actions::stands_for;
use document::Document;
pub use error::{IDS, NotJudgedError};
pub use finding::Finding;
pub use reach::{PATHS, Path};
pub use report::{Admitted, LookedAt, NotJudged, Report, Subject, Unread};
pub use rules::RULES;

use crate::clock::Timestamp;
use crate::x509::Certificate;
use finding::Draft;
use node::shown;
use read::{Found, Holder, Kind, Profile};
use rules::Surroundings;
use source::Source;

/// What is to be judged.
#[derive(Debug)]
pub struct Request<'a> {
    /// Files and folders; `-` is the standard input.
    pub paths: Vec<String>,
    /// Which policies.
    pub subject: Subject,
    /// The certificate that trust policies are asked about.
    pub certificate: Option<&'a Certificate>,
    /// The present.
    pub now: Timestamp,
}

/// A policy, and the file that it is in.
struct Judged<'a> {
    source: &'a Source,
    found: &'a Found,
    document: Document,
}

/// Reads everything that is asked for and judges it. What stands in the way of one file is told, and the others are judged.
pub fn run(request: &Request<'_>) -> Report {
    let mut report = Report { version: env!("CARGO_PKG_VERSION").to_owned(), ..Report::default() };
    let sources = source::read_all(&request.paths, &mut report.could_not_look);
    let all: Vec<Judged<'_>> = sources
        .iter()
        .flat_map(|source| source.content.policies.iter().map(move |found| (source, found)))
        .filter_map(|(source, found)| {
            Some(Judged { source, found, document: Document::of(&found.document)? })
        })
        .collect();
    for source in &sources {
        unjudged(source, request.subject, &mut report);
    }
    let mut files = BTreeSet::new();
    for judged in all.iter().filter(|judged| is_asked_for(judged.found.kind, request.subject)) {
        files.insert(&judged.source.path);
        report.looked_at.policies += 1;
        report.looked_at.statements += judged.document.statements.len();
        for (line, reason) in &judged.document.unknown {
            report.not_judged.push(NotJudged {
                path: judged.source.path.clone(),
                line: *line,
                resource: judged.found.resource.clone(),
                reason: reason.clone(),
            });
        }
        let drafts = match judged.found.kind {
            Kind::Identity => permissions(judged, &all),
            Kind::Session | Kind::Other => rules::judge_form(&judged.document),
            Kind::Trust => trust(judged, &all, &sources, request, &mut report),
        };
        report.findings.extend(drafts.into_iter().map(|draft| placed(draft, judged)));
    }
    report.looked_at.files = files.len();
    report.findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| (&a.path, a.line, &a.rule).cmp(&(&b.path, b.line, &b.rule)))
    });
    report
}

const fn is_asked_for(kind: Kind, subject: Subject) -> bool {
    match subject {
        Subject::Permissions => matches!(kind, Kind::Identity | Kind::Session),
        Subject::Trust => matches!(kind, Kind::Trust),
    }
}

fn placed(draft: Draft, judged: &Judged<'_>) -> Finding {
    let (statement, sid) = draft.statement.map_or((None, None), |(number, sid)| (Some(number), sid));
    Finding {
        rule: draft.rule.to_owned(),
        severity: draft.severity,
        path: judged.source.path.clone(),
        line: draft.line,
        resource: judged.found.resource.as_deref().map(shown),
        statement,
        sid,
        message: draft.says,
        change: draft.cure,
    }
}

/// Tells what of a file is not judged; a file that was named and holds nothing to judge is one that could not be looked at.
fn unjudged(source: &Source, subject: Subject, report: &mut Report) {
    let kinds = || source.content.policies.iter().map(|found| found.kind);
    let left_out = &source.content.left_out;
    report.not_judged.extend(left_out.iter().map(|(line, resource, reason)| NotJudged {
        path: source.path.clone(),
        line: *line,
        resource: resource.clone(),
        reason: reason.clone(),
    }));
    let others = source.content.policies.iter().filter(|found| found.kind == Kind::Other);
    report.not_judged.extend(others.map(|found| NotJudged {
        path: source.path.clone(),
        line: found.document.line,
        resource: found.resource.clone(),
        reason: String::from("a policy of a resource or an organization, which is not judged here"),
    }));
    if !source.is_named || kinds().any(|kind| is_asked_for(kind, subject)) {
        return;
    }
    let reason = if kinds().any(|kind| kind == Kind::Trust) {
        "it holds trust policies alone, which anyrole audit trust judges"
    } else if kinds().any(|kind| is_asked_for(kind, Subject::Permissions)) {
        "it holds no trust policy; anyrole audit policy judges what it holds"
    } else if kinds().next().is_some() {
        "it holds policies of resources alone, which are not judged here"
    } else if let Some((_, _, reason)) = left_out.first() {
        reason
    } else {
        "it holds no policy"
    };
    report.could_not_look.push(Unread { path: source.path.clone(), reason: reason.to_owned() });
}

/// Judges what a principal may do. Of a user the policies count together: one of them may say from where all may be used.
fn permissions(judged: &Judged<'_>, all: &[Judged<'_>]) -> Vec<Draft> {
    let mut drafts = rules::judge_identity(&judged.document);
    let holder = match judged.found.holder {
        Holder::Unknown => attached_to(judged, all),
        known @ (Holder::Group | Holder::Role | Holder::User) => known,
    };
    if !matches!(holder, Holder::Group | Holder::User) {
        return drafts;
    }
    let together = all.iter().filter(|other| {
        other.found.kind == Kind::Identity
            && other.found.owner.is_some()
            && other.found.owner == judged.found.owner
            && other.source.shares_names_with(judged.source)
    });
    let together: Vec<&Document> = together.map(|other| &other.document).collect();
    if together.is_empty() || !rules::static_keys(&together).is_empty() {
        drafts.extend(rules::static_keys(&[&judged.document]));
    }
    drafts
}

/// Returns who has a managed policy, where a file says so.
fn attached_to(judged: &Judged<'_>, all: &[Judged<'_>]) -> Holder {
    let mut sources: Vec<&Source> = all.iter().map(|judged| judged.source).collect();
    sources.dedup_by_key(|source| std::ptr::from_ref(*source));
    sources.retain(|source| source.shares_names_with(judged.source));
    let held = sources.into_iter().flat_map(|source| &source.content.held);
    let is_this =
        |id: &str| [&judged.found.owner, &judged.found.resource].into_iter().flatten().any(|name| name == id);
    let mut held = held.filter(|(id, _)| is_this(id));
    held.next().map_or(Holder::Unknown, |(_, holder)| *holder)
}

fn trust(
    judged: &Judged<'_>,
    all: &[Judged<'_>],
    sources: &[Source],
    request: &Request<'_>,
    report: &mut Report,
) -> Vec<Draft> {
    let around = surroundings(judged, all, sources);
    if let Some(certificate) = request.certificate {
        let admission =
            rules::admission(&judged.found.document, &judged.document, &around, certificate, request.now);
        report.admissions.extend(admission.map(|admission| Admitted {
            path: judged.source.path.clone(),
            line: judged.document.line,
            resource: judged.found.resource.as_deref().map(shown),
            admitted: admission.admitted,
            reason: admission.reason,
            admits: admission.others,
        }));
    }
    rules::judge_trust(&judged.document, &around)
}

/// Returns what the files hold of the role that a trust policy belongs to.
fn surroundings<'a>(judged: &Judged<'_>, all: &'a [Judged<'_>], sources: &'a [Source]) -> Surroundings<'a> {
    let Some(owner) = judged.found.owner.as_deref().filter(|owner| !owner.is_empty()) else {
        return Surroundings::default();
    };
    let is_near = |source: &Source| source.shares_names_with(judged.source);
    let near = || sources.iter().filter(|source| is_near(source));
    let roles: Vec<_> =
        near().flat_map(|source| &source.content.roles).filter(|role| role.id == owner).collect();
    let arns: Vec<&str> = roles.iter().filter_map(|role| role.arn.as_deref()).collect();
    let attached: Vec<&str> =
        roles.iter().flat_map(|role| role.attached.iter().map(String::as_str)).collect();
    let is_own = |other: &&Judged<'_>| {
        let names = [other.found.owner.as_deref(), other.found.resource.as_deref()];
        other.found.kind == Kind::Identity
            && is_near(other.source)
            && (names[0] == Some(owner) || names.iter().flatten().any(|name| attached.contains(name)))
    };
    let own = all.iter().filter(is_own).map(|other| &other.document).collect();
    let lists = |profile: &&Profile| {
        let is_role = |listed: &str| {
            listed == owner
                || arns.contains(&listed)
                || (arns.is_empty() && listed.rsplit('/').next() == Some(owner))
        };
        profile.roles.iter().any(|listed| is_role(listed))
    };
    let profiles = near().flat_map(|source| &source.content.profiles).filter(lists).collect();
    Surroundings { attached, own, profiles }
}
