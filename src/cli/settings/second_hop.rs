//! The second hop: which session it starts from, and what is asked of AssumeRole.

use super::Settings;
use super::table::Group;
use crate::cli::report::Failure;
use crate::config::{self, Config, NamedSession};
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::secret::Secret;
use crate::session::SessionRequest;
use crate::session::endpoint::{self, EndpointChoice};
use crate::signing::Endpoint;
use crate::sts::AssumeRole;
use crate::text::quoted;

/// A role that is assumed with the credentials of the session.
#[derive(Debug)]
pub(crate) struct SecondHopSettings {
    pub(crate) request: AssumeRole,
    pub(crate) endpoint: Endpoint,
}

/// Why there can be no second hop as it is configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecondHopError {
    /// Sessions that start from one another.
    #[error("{origin}: the session {} starts from itself", quoted(name))]
    Cycle {
        /// The line of `from`.
        origin: config::Origin,
        /// The session.
        name: String,
        /// `audit → deploy → audit`.
        path: String,
    },
    /// A setting of the first hop in a session that takes its first hop from another.
    #[error("{key} ({origin}) is of the first hop, which is the session {}", quoted(first))]
    FirstHopElsewhere {
        /// The setting.
        key: String,
        /// Its line.
        origin: config::Origin,
        /// The session that `from` names.
        first: String,
    },
    /// A setting of the second hop, and no role for it.
    #[error("{label} is given, and no role for a second hop")]
    NoRole {
        /// The setting as the user named it.
        label: String,
    },
    /// A tag without a value.
    #[error("{label}: {} is not KEY=VALUE", quoted(tag))]
    TagWithoutValue {
        /// The setting as the user named it.
        label: String,
        /// What stands there instead.
        tag: String,
    },
    /// More than two hops.
    #[error("{origin}: the session {} is a second hop itself, and a third is not made", quoted(first))]
    TooDeep {
        /// The line of `from`.
        origin: config::Origin,
        /// The session that `from` names.
        first: String,
    },
    /// `from` names no session.
    #[error("{origin}: no config file defines the session {}", quoted(name))]
    Unknown {
        /// The line of `from`.
        origin: config::Origin,
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
}

impl SecondHopError {
    /// The ids of all variants.
    pub(crate) const IDS: &[&str] = &[
        "assume-role-tag-malformed",
        "from-cycle",
        "from-too-deep",
        "from-with-first-hop",
        "second-hop-without-role",
        "unknown-session",
    ];
}

impl Diagnostic for SecondHopError {
    fn id(&self) -> &'static str {
        match self {
            Self::Cycle { .. } => "from-cycle",
            Self::FirstHopElsewhere { .. } => "from-with-first-hop",
            Self::NoRole { .. } => "second-hop-without-role",
            Self::TagWithoutValue { .. } => "assume-role-tag-malformed",
            Self::TooDeep { .. } => "from-too-deep",
            Self::Unknown { .. } => "unknown-session",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Cycle { path, .. } => vec![Fact::new("path", path.as_str())],
            Self::FirstHopElsewhere { .. }
            | Self::NoRole { .. }
            | Self::TagWithoutValue { .. }
            | Self::TooDeep { .. }
            | Self::Unknown { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Cycle { .. } => String::from(
                "let from name a session that has a trust anchor, a profile and a role of its own",
            ),
            Self::FirstHopElsewhere { key, first, .. } => format!(
                "move {key} to [session.{first}], or leave out from: beside it stand the settings of the second hop alone"
            ),
            Self::NoRole { .. } => String::from("give --assume-role-arn, or assume_role_arn in the session"),
            Self::TagWithoutValue { .. } => {
                String::from("write --assume-role-tag KEY=VALUE, or assume_role_tag = [\"KEY=VALUE\"]")
            }
            Self::TooDeep { .. } => {
                String::from("let from name a session without a second hop, whose role may assume this one")
            }
            Self::Unknown { nearest, .. } => {
                return nearest
                    .as_deref()
                    .map(|nearest| format!("the nearest defined session is '{nearest}'"));
            }
        })
    }
}

/// Returns the session that another one, called `name`, starts from, if it does.
///
/// # Errors
///
/// Fails if `from` names no session or goes round, if the first session is a second hop itself, and if the second one
/// holds settings of a first hop: these would make another session of the first, under another name in the cache.
pub(super) fn first<'a>(
    config: &'a Config,
    name: &str,
    session: &NamedSession,
) -> Result<Option<&'a NamedSession>, SecondHopError> {
    let Some((first_name, origin)) = start(session) else { return Ok(None) };
    let first = config.session(first_name).ok_or_else(|| SecondHopError::Unknown {
        origin: origin.clone(),
        name: first_name.to_owned(),
        nearest: crate::text::nearest(first_name, config.session_names()).map(str::to_owned),
    })?;
    let mut path = vec![name];
    let mut next = Some(session);
    while let Some((further, _)) = next.and_then(start) {
        let goes_round = path.contains(&further);
        path.push(further);
        if goes_round {
            let (origin, name) = (origin.clone(), further.to_owned());
            return Err(SecondHopError::Cycle { origin, name, path: path.join(" → ") });
        }
        next = config.session(further);
    }
    let is_second_hop = |session: &NamedSession| {
        let mut hop = super::SETTINGS.iter().filter(|setting| setting.group == Group::SecondHop);
        hop.any(|setting| session.section.entry(setting.name).is_some())
    };
    if is_second_hop(first) {
        return Err(SecondHopError::TooDeep { origin: origin.clone(), first: first_name.to_owned() });
    }
    let others = super::SETTINGS.iter().filter(|setting| setting.group != Group::SecondHop);
    for setting in others.filter(|setting| setting.name != "sts-endpoint") {
        if let Some(entry) = session.section.entry(setting.name) {
            let (key, origin, first) = (setting.key(), entry.origin.clone(), first_name.to_owned());
            return Err(SecondHopError::FirstHopElsewhere { key, origin, first });
        }
    }
    Ok(Some(first))
}

/// Returns the name after `from`, and its line.
fn start(session: &NamedSession) -> Option<(&str, &config::Origin)> {
    let entry = session.section.entry("from")?;
    match &entry.value {
        config::Value::Text(name) => Some((name, &entry.origin)),
        config::Value::Boolean(_) => None,
    }
}

impl Settings {
    /// Returns the second hop, if there is one; `first` says where it starts.
    pub(super) fn second_hop(&self, first: &SessionRequest) -> Result<Option<SecondHopSettings>, Failure> {
        if self.given("assume-role-arn").is_none() {
            let lonely = self.given.iter().find(|given| given.setting.group == Group::SecondHop);
            return match lonely {
                Some(given) => Err(SecondHopError::NoRole { label: given.label() }.into()),
                None => Ok(None),
            };
        }
        let request = AssumeRole::new(
            self.arn("assume-role-arn", "an IAM role")?,
            self.text("assume-role-session-name"),
            self.duration("assume-role-duration")?,
            self.text("external-id").map(Secret::new),
            self.tags()?,
        )?;
        Ok(Some(SecondHopSettings { request, endpoint: self.sts_endpoint(first)? }))
    }

    /// Returns where STS is called, in the region of the first hop.
    pub(crate) fn sts_endpoint(&self, first: &SessionRequest) -> Result<Endpoint, Failure> {
        let choice = EndpointChoice {
            url: self.text("sts-endpoint"),
            fips: self.boolean("use-fips-endpoint"),
            dual_stack: self.boolean("use-dualstack-endpoint"),
        };
        let anchor = first.trust_anchor_arn.arn();
        let region = self.text("region").unwrap_or_else(|| anchor.region().to_owned());
        Ok(endpoint::sts(&region, anchor.partition(), &choice)?)
    }

    fn tags(&self) -> Result<Vec<(String, String)>, SecondHopError> {
        let Some(given) = self.given("assume-role-tag") else { return Ok(Vec::new()) };
        let pair = |tag: &str| {
            let pair = tag.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
            pair.ok_or_else(|| SecondHopError::TagWithoutValue { label: given.label(), tag: tag.to_owned() })
        };
        given.text().split(',').map(pair).collect()
    }
}
