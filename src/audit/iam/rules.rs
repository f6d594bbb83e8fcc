//! What is wrong in an account, and how bad that is.
//!
//! ```text
//! critical  root has an active key or no MFA; others can read an active key with its secret on a host
//! high      a password without MFA; an active key with its secret on a host
//! medium    a key that is old, not used, or one of two; an unused user or role; an active key's id on a host
//! low       an inactive key; a copy of a deleted one; a new key that was never used; services never used
//! ```
//!
//! Medium and high are one step more for an administrator, and for whoever can become one.

use super::account::{Account, Key, Principal, Stray};
use super::credential_report::ROOT;
use super::report::{Finding, Kind, Place, Status};
use super::usage::{Use, days_since, is_older};
use crate::audit::files::Severity;
use crate::clock::{Timestamp, describe_seconds};

/// A key that was never used is reported from this age on: who made it today has not put it in place.
pub(super) const NEW_DAYS: u64 = 7;

/// What counts as too old and as unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How old a key may be, in days.
    pub max_age_days: u64,
    /// After how many days without use something is unused.
    pub unused_days: u64,
}

/// Applies every rule; the worst findings first.
pub(super) fn apply(account: &Account, limits: Limits, now: Timestamp) -> Vec<Finding> {
    let rules = Rules { account, limits, now };
    let mut findings: Vec<Finding> = Vec::new();
    for principal in &account.principals {
        match principal.kind {
            Kind::Root => rules.root(principal, &mut findings),
            Kind::User => rules.user(principal, &mut findings),
            Kind::Role => rules.role(principal, &mut findings),
            Kind::Key => {}
        }
        rules.services(principal, &mut findings);
    }
    findings.extend(account.strays.iter().filter_map(|stray| rules.stray(stray)));
    findings.sort_by(|a, b| {
        let order = |finding: &Finding| (std::cmp::Reverse(finding.severity), finding.kind, finding.rule);
        order(a).cmp(&order(b)).then_with(|| a.who().cmp(b.who()))
    });
    findings
}

struct Rules<'a> {
    account: &'a Account,
    limits: Limits,
    now: Timestamp,
}

impl Rules<'_> {
    fn root(&self, root: &Principal, findings: &mut Vec<Finding>) {
        for key in &root.keys {
            let (severity, says) = match key.status {
                Status::Active => (Severity::Critical, "the root user has an access key"),
                Status::Inactive => (Severity::High, "the root user has an access key, which is inactive"),
            };
            findings.push(self.of_key(root, key, "iam-root-key", severity, says.to_owned()));
            findings.extend(self.on_hosts(root, key));
        }
        if !root.has_mfa {
            let says = String::from("the root user has no second factor");
            findings.push(self.of(root, "iam-root-mfa", Severity::Critical, says));
        }
    }

    fn user(&self, user: &Principal, findings: &mut Vec<Finding>) {
        if user.has_password == Some(true) && !user.has_mfa {
            let says = String::from("it has a password and no second factor");
            findings.push(self.of(user, "iam-password-mfa", raised(Severity::High, user), says));
        }
        let active: Vec<&Key> = user.keys.iter().filter(|key| key.status == Status::Active).collect();
        if active.len() > 1 {
            let says = format!("it has {} active keys", active.len());
            let places = active.iter().flat_map(|key| key.places.iter().cloned()).collect();
            let finding = self.of(user, "iam-keys-two", raised(Severity::Medium, user), says);
            findings.push(Finding { places, ..finding });
        }
        for key in &user.keys {
            self.key(user, key, findings);
        }
        self.unused_user(user, findings);
    }

    fn key(&self, user: &Principal, key: &Key, findings: &mut Vec<Finding>) {
        findings.extend(self.on_hosts(user, key));
        if key.status == Status::Inactive {
            let says = match &key.used {
                Use::At { at, .. } => {
                    format!("the key is inactive, was last used {}, and can be deleted", self.ago(*at))
                }
                Use::Never => String::from("the key is inactive, was never used, and can be deleted"),
                Use::Unknown => String::from("the key is inactive and can be deleted"),
            };
            findings.push(self.of_key(user, key, "iam-key-inactive", Severity::Low, says));
            return;
        }
        let Limits { max_age_days, unused_days } = self.limits;
        if let Some(since) = key.since.filter(|since| is_older(*since, max_age_days, self.now)) {
            let what = if key.is_creation { "was created" } else { "was last changed" };
            let says = format!("the key {what} {}", self.ago(since));
            findings.push(self.of_key(user, key, "iam-key-old", raised(Severity::Medium, user), says));
        }
        match &key.used {
            Use::Never => {
                let severity = match key.since {
                    Some(since) if !is_older(since, NEW_DAYS, self.now) => return,
                    Some(since) if !is_older(since, unused_days, self.now) => Severity::Low,
                    Some(_) | None => raised(Severity::Medium, user),
                };
                let says = String::from("the key was never used");
                findings.push(self.of_key(user, key, "iam-key-never-used", severity, says));
            }
            Use::At { at, .. } if is_older(*at, unused_days, self.now) => {
                let says = format!("the key was last used {}", self.ago(*at));
                findings.push(self.of_key(user, key, "iam-key-idle", raised(Severity::Medium, user), says));
            }
            Use::At { .. } | Use::Unknown => {}
        }
    }

    /// A key that stands on hosts.
    fn on_hosts(&self, user: &Principal, key: &Key) -> Option<Finding> {
        if key.places.is_empty() {
            return None;
        }
        let says = format!("the key stands {}", spread(&key.places));
        let severity = match (key.status, exposure(&key.places)) {
            (Status::Inactive, _) => Severity::Low,
            (Status::Active, Exposure::Open) => Severity::Critical,
            (Status::Active, Exposure::WithSecret) => raised(Severity::High, user),
            (Status::Active, Exposure::Id) => raised(Severity::Medium, user),
        };
        Some(self.of_key(user, key, "iam-key-on-host", severity, says))
    }

    /// A key on hosts that belongs to nobody here.
    fn stray(&self, stray: &Stray) -> Option<Finding> {
        let account = stray.account.as_deref();
        let is_own = account.is_none_or(|account| account == self.account.id);
        let places = spread(&stray.places);
        let exposure = exposure(&stray.places);
        let (rule, severity, says) = match account {
            Some(account) if !is_own => {
                let severity = match exposure {
                    Exposure::Open => Severity::Critical,
                    Exposure::WithSecret => Severity::High,
                    Exposure::Id => Severity::Medium,
                };
                ("iam-key-other-account", severity, format!("a key of account {account} stands {places}"))
            }
            Some(_) if self.account.knows_all_keys => (
                "iam-key-not-known",
                Severity::Low,
                format!("a key that the account does not have any more stands {places}"),
            ),
            Some(_) | None => {
                let severity = match exposure {
                    Exposure::Open | Exposure::WithSecret => Severity::High,
                    Exposure::Id => Severity::Medium,
                };
                let whose = if account.is_some() { "the account" } else { "some account" };
                (
                    "iam-key-not-known",
                    severity,
                    format!("a key of {whose}, whose user no file tells, stands {places}"),
                )
            }
        };
        Some(Finding {
            rule,
            severity,
            says,
            kind: Kind::Key,
            user: None,
            role: None,
            arn: None,
            access_key_id: Some(stray.id.clone()),
            candidates: Vec::new(),
            slot: None,
            status: None,
            age_days: None,
            last_used: None,
            owner: None,
            reach: None,
            account: stray.account.clone(),
            services: Vec::new(),
            places: stray.places.clone(),
        })
    }

    fn unused_user(&self, user: &Principal, findings: &mut Vec<Finding>) {
        let days = self.limits.unused_days;
        if !user.created.is_some_and(|created| is_older(created, days, self.now))
            || user.used.is_idle(days, self.now) != Some(true)
        {
            return;
        }
        let has_way_in =
            user.has_password == Some(true) || user.keys.iter().any(|key| key.status == Status::Active);
        let last = match &user.used {
            Use::At { at, .. } => format!("was last used {}", self.ago(*at)),
            Use::Never | Use::Unknown => String::from("was never used"),
        };
        let (severity, says) = if has_way_in {
            (raised(Severity::Medium, user), format!("the user {last}"))
        } else {
            (Severity::Low, format!("the user {last}, and has neither password nor active key"))
        };
        findings.push(self.of(user, "iam-user-unused", severity, says));
    }

    fn role(&self, role: &Principal, findings: &mut Vec<Finding>) {
        let days = self.limits.unused_days;
        if !role.created.is_some_and(|created| is_older(created, days, self.now))
            || role.used.is_idle(days, self.now) != Some(true)
        {
            return;
        }
        let says = match &role.used {
            Use::At { at, .. } => format!("the role was last used {}", self.ago(*at)),
            Use::Never | Use::Unknown => {
                String::from("the role was not used in the 400 days that AWS remembers")
            }
        };
        findings.push(self.of(role, "iam-role-unused", raised(Severity::Medium, role), says));
    }

    /// Services that policies allow and nobody uses.
    fn services(&self, principal: &Principal, findings: &mut Vec<Finding>) {
        let Some(services) = self.account.accessed.get(&principal.arn) else { return };
        let unused = services.iter().filter(|(_, used)| *used == Use::Never);
        let mut unused: Vec<String> = unused.map(|(service, _)| service.clone()).collect();
        unused.sort();
        unused.dedup();
        if unused.is_empty() {
            return;
        }
        let says = format!(
            "of {} services that it may use it used {}",
            services.len(),
            services.len() - unused.len()
        );
        let finding = self.of(principal, "iam-service-unused", Severity::Low, says);
        findings.push(Finding { services: unused, ..finding });
    }

    fn of(&self, principal: &Principal, rule: &'static str, severity: Severity, says: String) -> Finding {
        let name = || Some(principal.name.clone());
        Finding {
            rule,
            severity,
            says,
            kind: principal.kind,
            user: match principal.kind {
                Kind::User => name(),
                Kind::Root => Some(ROOT.to_owned()),
                Kind::Role | Kind::Key => None,
            },
            role: if principal.kind == Kind::Role { name() } else { None },
            arn: Some(principal.arn.clone()).filter(|arn| !arn.is_empty()),
            access_key_id: None,
            candidates: Vec::new(),
            slot: None,
            status: None,
            age_days: principal.created.map(|created| days_since(created, self.now)),
            last_used: principal.used.shown(self.now),
            owner: principal.owner.clone(),
            reach: principal.reach.clone(),
            account: None,
            services: Vec::new(),
            places: Vec::new(),
        }
    }

    fn of_key(
        &self,
        principal: &Principal,
        key: &Key,
        rule: &'static str,
        severity: Severity,
        says: String,
    ) -> Finding {
        Finding {
            access_key_id: key.id.clone(),
            candidates: key.candidates.clone(),
            slot: key.slot,
            status: Some(key.status),
            age_days: key.since.map(|since| days_since(since, self.now)),
            last_used: key.used.shown(self.now),
            places: key.places.clone(),
            ..self.of(principal, rule, severity, says)
        }
    }

    /// Renders a time of the past: `400 days ago`.
    fn ago(&self, time: Timestamp) -> String {
        format!("{} ago", describe_seconds(self.now.since(time).as_secs()))
    }
}

/// One step more for an administrator, and for whoever can become one.
fn raised(severity: Severity, principal: &Principal) -> Severity {
    let is_high = principal.reach.as_ref().is_some_and(super::reach::Reach::is_high);
    match severity {
        Severity::High if is_high => Severity::Critical,
        Severity::Medium if is_high => Severity::High,
        Severity::Critical | Severity::High | Severity::Medium | Severity::Low => severity,
    }
}

/// How far a key on hosts lies open.
enum Exposure {
    Id,
    WithSecret,
    Open,
}

fn exposure(places: &[Place]) -> Exposure {
    if places.iter().any(Place::is_open) {
        Exposure::Open
    } else if places.iter().any(|place| place.secret_beside) {
        Exposure::WithSecret
    } else {
        Exposure::Id
    }
}

/// Says on how many hosts and in how many places: `on 2 hosts, in 4 places`.
fn spread(places: &[Place]) -> String {
    let mut hosts: Vec<&str> = places.iter().map(|place| place.host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    match (hosts.len(), places.len()) {
        (1, 1) => String::from("on 1 host"),
        (1, count) => format!("on 1 host, in {count} places"),
        (hosts, count) => format!("on {hosts} hosts, in {count} places"),
    }
}
