//! The second hop: which session it starts from, and what is asked of AssumeRole.

use super::Settings;
use super::table::Group;
use crate::config::{self, Config, NamedSession};
use crate::diagnostic::AnyDiagnostic;
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
    #[error("{key} ({origin}) belongs to the first hop, which is the session {}", quoted(first))]
    FirstHopElsewhere {
        /// The setting.
        key: String,
        /// Its line.
        origin: config::Origin,
        /// The session that `from` names.
        first: String,
    },
    /// A role assumed from a narrowed session.
    #[error(
        "{origin}: the session {} is narrowed, and a second role would have all of its permissions again",
        quoted(first)
    )]
    Narrowed {
        /// The line of `from`.
        origin: config::Origin,
        /// The narrowed session.
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
        "from-narrowed",
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
            Self::Narrowed { .. } => "from-narrowed",
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
            | Self::Narrowed { .. }
            | Self::NoRole { .. }
            | Self::TagWithoutValue { .. }
            | Self::TooDeep { .. }
            | Self::Unknown { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Cycle { .. } => {
                String::from("set from to a session that has a trust anchor, a profile and a role of its own")
            }
            Self::FirstHopElsewhere { key, first, .. } => format!(
                "move {key} to [session.{first}], or leave out from: beside it stand the settings of the hops after it alone"
            ),
            Self::Narrowed { first, .. } => format!(
                "set from to the session that '{first}' starts from, and narrow this one: the role is assumed first"
            ),
            Self::NoRole { label } if label.starts_with("from ") => String::from(
                "put assume_role_arn into the session, or what narrows it: scope_policy, scope_duration",
            ),
            Self::NoRole { .. } => String::from("give --assume-role-arn, or assume_role_arn in the session"),
            Self::TagWithoutValue { .. } => {
                String::from("write --assume-role-tag KEY=VALUE, or assume_role_tag = [\"KEY=VALUE\"]")
            }
            Self::TooDeep { .. } => {
                String::from("set from to a session without a second hop, whose role may assume this one")
            }
            Self::Unknown { nearest, .. } => {
                return nearest
                    .as_deref()
                    .map(|nearest| format!("the nearest defined session is '{nearest}'"));
            }
        })
    }
}

/// Returns the session called `name` and those that it starts from, in order.
///
/// # Errors
///
/// Fails if `from` names no session or forms a cycle, if a session that starts from another has settings of a first hop
/// (these would create another first session, under another cache key), or if a role is assumed after a second hop, or
/// after a session was narrowed.
pub(super) fn chain<'name, 'a: 'name>(
    config: &'a Config,
    name: &'name str,
    session: &'a NamedSession,
) -> Result<Vec<&'a NamedSession>, SecondHopError> {
    let mut chain = vec![(name, session)];
    while let Some((further, origin)) = chain.last().and_then(|(_, session)| start(session)) {
        let goes_round = chain.iter().any(|(name, _)| *name == further);
        if goes_round {
            let names = chain.iter().map(|(name, _)| *name).chain([further]);
            let path = names.collect::<Vec<_>>().join(" → ");
            let origin = start(session).map_or(origin, |(_, origin)| origin).clone();
            return Err(SecondHopError::Cycle { origin, name: further.to_owned(), path });
        }
        let first = config.session(further).ok_or_else(|| SecondHopError::Unknown {
            origin: origin.clone(),
            name: further.to_owned(),
            nearest: crate::text::nearest(further, config.session_names()).map(str::to_owned),
        })?;
        chain.push((further, first));
    }
    for (index, (_, session)) in chain.iter().enumerate() {
        if let Some((first, origin)) = start(session) {
            check_hop(session, first, origin, &chain[index + 1..])?;
        }
    }
    Ok(chain.into_iter().map(|(_, session)| session).collect())
}

/// Checks a session that starts from the one called `first`; `before` are all those before it.
fn check_hop(
    session: &NamedSession,
    first: &str,
    origin: &config::Origin,
    before: &[(&str, &NamedSession)],
) -> Result<(), SecondHopError> {
    let has = |session: &NamedSession, group| {
        let mut settings = super::SETTINGS.iter().filter(|setting| setting.group == group);
        settings.any(|setting| setting.name != "from" && session.section.entry(setting.name).is_some())
    };
    if has(session, Group::SecondHop) {
        for (name, before) in before {
            let (origin, first) = (origin.clone(), (*name).to_owned());
            if has(before, Group::SecondHop) {
                return Err(SecondHopError::TooDeep { origin, first });
            }
            if has(before, Group::Scope) {
                return Err(SecondHopError::Narrowed { origin, first });
            }
        }
    }
    let of_first_hop = |group| match group {
        Group::SecondHop | Group::Scope | Group::Server => false,
        Group::Session | Group::Identity | Group::Network | Group::Cache | Group::Program => true,
    };
    let others = super::SETTINGS.iter().filter(|setting| of_first_hop(setting.group));
    for setting in others.filter(|setting| setting.name != "sts-endpoint") {
        if let Some(entry) = session.section.entry(setting.name) {
            let (key, origin, first) = (setting.key(), entry.origin.clone(), first.to_owned());
            return Err(SecondHopError::FirstHopElsewhere { key, origin, first });
        }
    }
    Ok(())
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
    pub(super) fn second_hop(
        &self,
        first: &SessionRequest,
    ) -> Result<Option<SecondHopSettings>, AnyDiagnostic> {
        if self.given("assume-role-arn").is_none() {
            // A session may start from another one only to be narrowed.
            let narrows = self.given.iter().any(|given| given.setting.group == Group::Scope);
            let lonely = self.given.iter().find(|given| {
                given.setting.group == Group::SecondHop && (given.setting.name != "from" || !narrows)
            });
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
    pub(crate) fn sts_endpoint(&self, first: &SessionRequest) -> Result<Endpoint, AnyDiagnostic> {
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
