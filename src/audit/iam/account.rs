//! One account, joined from the files: users, roles, keys with their ids as far as they are told, and where the keys stand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::answers::Answers;
use super::credential_report::{CredentialReport, Slot, User};
use super::model::{Attached, Details, GroupDetail, InlinePolicy, ListedKey, Tag, UserDetail};
use super::reach::{self, Reach};
use super::report::{Kind, Place, Status};
use super::usage::{Use, time, told};
use crate::audit::files;
use crate::clock::Timestamp;

/// A user or a role.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) created: Option<Timestamp>,
    pub(super) owner: Option<String>,
    pub(super) reach: Option<Reach>,
    /// The last use of whatever it has.
    pub(super) used: Use,
    /// Of a user: the password, and whether there is a second factor.
    pub(super) has_password: Option<bool>,
    pub(super) has_mfa: bool,
    /// Its keys, as far as they are known.
    pub(super) keys: Vec<Key>,
}

/// A key of a user.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    /// The ids of which it has one, where no file tells which.
    pub(super) candidates: Vec<String>,
    /// Its place in the credential report.
    pub(super) slot: Option<u8>,
    pub(super) status: Status,
    /// When it was created; of a key whose id is not known, when it last changed.
    pub(super) since: Option<Timestamp>,
    pub(super) is_creation: bool,
    pub(super) used: Use,
    pub(super) places: Vec<Place>,
}

/// A key on hosts that no file gives to a user.
#[derive(Clone, Debug)]
pub(super) struct Stray {
    pub(super) id: String,
    pub(super) account: Option<String>,
    pub(super) places: Vec<Place>,
}

/// The account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) principals: Vec<Principal>,
    pub(super) strays: Vec<Stray>,
    /// Whether the ids of all keys of the report are known, so that another id of the account is of no key that is left.
    pub(super) knows_all_keys: bool,
    /// Services that may be used, with their last use, by the ARN of user or role.
    pub(super) accessed: HashMap<String, Vec<(String, Use)>>,
}

/// What was met on the hosts that is no key of a user.
pub(super) type Others = BTreeMap<&'static str, usize>;

/// Joins everything.
pub(super) fn join(report: &CredentialReport, answers: &Answers, owner_tags: &[String]) -> Account {
    let details = answers.details.as_ref();
    let policies = details.map(Policies::of);
    let mut by_user: HashMap<&str, Vec<Candidate<'_>>> = HashMap::new();
    for candidate in candidates(answers) {
        by_user.entry(candidate.user).or_default().push(candidate);
    }
    let mut principals: Vec<Principal> =
        report.users.iter().map(|user| self::user(user, by_user.remove(user.name.as_str()))).collect();
    let of_users = details.iter().flat_map(|details| &details.user_detail_list);
    let of_users: HashMap<&str, &UserDetail> = of_users.map(|user| (user.user_name.as_str(), user)).collect();
    let groups = details.iter().flat_map(|details| &details.group_detail_list);
    let groups: HashMap<&str, &GroupDetail> =
        groups.map(|group| (group.group_name.as_str(), group)).collect();
    for principal in &mut principals {
        let Some(user) = of_users.get(principal.name.as_str()) else { continue };
        principal.owner = owner(&user.tags, owner_tags);
        let groups = user.group_list.iter().filter_map(|name| groups.get(name.as_str()));
        let mut inline: Vec<&InlinePolicy> = user.user_policy_list.iter().collect();
        let mut attached: Vec<&Attached> = user.attached_managed_policies.iter().collect();
        for group in groups {
            inline.extend(&group.group_policy_list);
            attached.extend(&group.attached_managed_policies);
        }
        let boundary = user.permissions_boundary.as_ref().and_then(|b| b.permissions_boundary_arn.as_deref());
        principal.reach = policies.as_ref().map(|policies| policies.reach(&inline, &attached, boundary));
    }
    // Users that came after the report, with keys: their ids are known, and nothing else.
    for (name, keys) in by_user {
        principals.push(listed_only(name, keys));
    }
    if let (Some(details), Some(policies)) = (details, &policies) {
        let roles = details.role_detail_list.iter();
        principals.extend(roles.filter(|role| !role.path.starts_with("/aws-service-role/")).map(|role| {
            let used = role.role_last_used.as_ref();
            let used =
                used.and_then(|used| Some((time(&used.last_used_date)?, told(used.region.as_deref()))));
            let boundary = role.permissions_boundary.as_ref();
            let inline: Vec<&InlinePolicy> = role.role_policy_list.iter().collect();
            let attached: Vec<&Attached> = role.attached_managed_policies.iter().collect();
            Principal {
                kind: Kind::Role,
                name: role.role_name.clone(),
                arn: role.arn.clone(),
                created: time(&role.create_date),
                owner: owner(&role.tags, owner_tags),
                reach: Some(policies.reach(
                    &inline,
                    &attached,
                    boundary.and_then(|boundary| boundary.permissions_boundary_arn.as_deref()),
                )),
                used: used.map_or(Use::Never, |(at, region)| Use::At { at, region, service: None }),
                has_password: None,
                has_mfa: false,
                keys: Vec::new(),
            }
        }));
    }
    let knows_all_keys = principals.iter().flat_map(|principal| &principal.keys).all(|key| key.id.is_some());
    let accessed = answers.accessed.iter().filter(|accessed| accessed.is_complete);
    let accessed = accessed.filter_map(|accessed| {
        let services = accessed.services.iter().map(|service| {
            let used = time(&service.last_authenticated).map_or(Use::Never, |at| Use::At {
                at,
                region: None,
                service: None,
            });
            (service.service_namespace.clone(), used)
        });
        Some((accessed.arn.clone()?, services.collect()))
    });
    let accessed: HashMap<String, Vec<(String, Use)>> = accessed.collect();
    for principal in &mut principals {
        for (_, used) in accessed.get(&principal.arn).into_iter().flatten() {
            if used.at() > principal.used.at() {
                principal.used = used.clone();
            }
        }
    }
    let id = account_of(report);
    let mut account = Account { strays: Vec::new(), knows_all_keys, accessed, principals, id };
    account.place(&answers.hosts);
    account
}

/// Returns the account's digits, which stand in every ARN.
fn account_of(report: &CredentialReport) -> String {
    let id = report.users.iter().find_map(|user| {
        let account = user.arn.split(':').nth(4)?;
        (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
    });
    id.unwrap_or_default().to_owned()
}

impl Account {
    /// Puts what stands on the hosts to the keys.
    fn place(&mut self, hosts: &[files::Report]) {
        let mut places: BTreeMap<&str, (Option<&String>, BTreeSet<Place>)> = BTreeMap::new();
        for host in hosts {
            let keys = host.findings.iter().filter(|finding| finding.kind == files::Kind::LongLived);
            for finding in keys {
                let (account, places) = places.entry(&finding.access_key_id).or_default();
                *account = account.or(finding.account.as_ref());
                places.insert(Place {
                    host: host.host.clone(),
                    path: finding.path.clone(),
                    line: finding.line,
                    place: finding.place.clone(),
                    readable_by: finding.readable_by.as_str(),
                    secret_beside: finding.secret_beside,
                });
            }
        }
        let mut known: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (principal, of_principal) in self.principals.iter().enumerate() {
            for (key, of_key) in of_principal.keys.iter().enumerate() {
                for id in of_key.id.iter().chain(&of_key.candidates) {
                    known.entry(id.clone()).or_default().push((principal, key));
                }
            }
        }
        for (id, (account, places)) in places {
            let places: Vec<Place> = places.into_iter().collect();
            let Some(of_id) = known.get(id) else {
                self.strays.push(Stray { id: id.to_owned(), account: account.cloned(), places });
                continue;
            };
            for (principal, key) in of_id {
                self.principals[*principal].keys[*key].places.extend(places.iter().cloned());
            }
        }
    }
}

/// Returns what was met on the hosts and is no key of a user, by what it is, with how often.
pub(super) fn others(hosts: &[files::Report]) -> Others {
    let mut others = Others::new();
    for finding in hosts.iter().flat_map(|host| &host.findings) {
        if finding.kind != files::Kind::LongLived {
            *others.entry(finding.kind.as_str()).or_default() += 1;
        }
    }
    others
}

/// An id of a user's key, and what the answers tell of it.
struct Candidate<'a> {
    user: &'a str,
    id: &'a str,
    status: Option<Status>,
    created: Option<Timestamp>,
    used: Use,
}

/// Every id that an answer gives to a user.
fn candidates(answers: &Answers) -> Vec<Candidate<'_>> {
    let mut found: BTreeMap<&str, Candidate<'_>> = BTreeMap::new();
    for key in &answers.keys {
        let ListedKey { user_name: Some(user), access_key_id: id, status, create_date } = key else {
            continue;
        };
        let status = match status.as_deref() {
            Some("Active") => Some(Status::Active),
            Some("Inactive") => Some(Status::Inactive),
            Some(_) | None => None,
        };
        found.insert(id, Candidate { user, id, status, created: time(create_date), used: Use::Unknown });
    }
    for answer in &answers.used {
        let (Some(id), Some(user)) = (answer.access_key_id.as_deref(), answer.user.as_deref()) else {
            continue;
        };
        let candidate = found.entry(id).or_insert(Candidate {
            user,
            id,
            status: None,
            created: None,
            used: Use::Unknown,
        });
        candidate.used = std::mem::take(&mut candidate.used).later(answer.used.clone());
    }
    found.into_values().collect()
}

fn user(user: &User, candidates: Option<Vec<Candidate<'_>>>) -> Principal {
    let mut candidates = candidates.unwrap_or_default();
    let keys = keys(user, &mut candidates);
    let used = keys.iter().fold(user.password_used.clone(), |used, key| used.later(key.used.clone()));
    Principal {
        kind: if user.is_root() { Kind::Root } else { Kind::User },
        name: user.name.clone(),
        arn: user.arn.clone(),
        created: user.created,
        owner: None,
        reach: None,
        used,
        has_password: user.has_password,
        has_mfa: user.has_mfa,
        keys,
    }
}

fn listed_only(name: &str, candidates: Vec<Candidate<'_>>) -> Principal {
    Principal {
        kind: Kind::User,
        name: name.to_owned(),
        arn: String::new(),
        created: None,
        owner: None,
        reach: None,
        used: Use::Unknown,
        has_password: None,
        has_mfa: false,
        keys: candidates.into_iter().map(|candidate| candidate.alone()).collect(),
    }
}

/// Gives the ids to the keys of the report: by state, time of creation and last use, and only where one way fits best.
fn keys(user: &User, candidates: &mut Vec<Candidate<'_>>) -> Vec<Key> {
    let slots = &user.keys;
    let pairs = best(slots, candidates);
    let ids: Vec<String> = candidates.iter().map(|candidate| candidate.id.to_owned()).collect();
    let mut keys: Vec<Key> = Vec::new();
    let mut taken: Vec<usize> = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        let status = if slot.is_active { Status::Active } else { Status::Inactive };
        let plain = Key {
            id: None,
            candidates: Vec::new(),
            slot: Some(slot.number),
            status,
            since: slot.changed,
            is_creation: false,
            used: slot.used.clone(),
            places: Vec::new(),
        };
        match &pairs {
            Some(pairs) => match pairs.iter().find(|(of, _)| *of == index) {
                Some((_, which)) => {
                    taken.push(*which);
                    let candidate = &candidates[*which];
                    keys.push(Key {
                        id: Some(candidate.id.to_owned()),
                        status: candidate.status.unwrap_or(status),
                        since: candidate.created.or(slot.changed),
                        is_creation: candidate.created.is_some(),
                        used: candidate.used.clone().later(slot.used.clone()),
                        ..plain
                    });
                }
                None => keys.push(plain),
            },
            None => keys.push(Key { candidates: ids.clone(), ..plain }),
        }
    }
    if pairs.is_some() {
        // Keys that came after the report, or that it has no column for.
        let more = candidates.iter().enumerate().filter(|(which, _)| !taken.contains(which));
        keys.extend(more.map(|(_, candidate)| candidate.alone()));
    }
    keys
}

/// Returns which candidate is in which slot, if one way fits better than every other.
fn best(slots: &[Slot], candidates: &[Candidate<'_>]) -> Option<Vec<(usize, usize)>> {
    let score = |(slot, which): &(usize, usize)| fit(&slots[*slot], &candidates[*which]);
    let mut ways: Vec<Vec<(usize, usize)>> = Vec::new();
    let all = 0..candidates.len();
    if candidates.len() > MOST_KEYS {
        return None;
    }
    match (slots.len(), candidates.len()) {
        (0, _) | (_, 0) => ways.push(Vec::new()),
        (1, _) => ways.extend(all.map(|which| vec![(0, which)])),
        (_, 1) => ways.extend([vec![(0, 0)], vec![(1, 0)]]),
        _ => {
            for one in all.clone() {
                let others = all.clone().filter(|other| *other != one);
                ways.extend(others.map(|other| vec![(0, one), (1, other)]));
            }
        }
    }
    let scores: Vec<i32> = ways.iter().map(|way| way.iter().map(score).sum()).collect();
    let highest = scores.iter().max()?;
    let mut of_highest = ways.into_iter().zip(&scores).filter(|(_, score)| *score == highest);
    match (of_highest.next(), of_highest.next()) {
        (Some((way, _)), None) => Some(way),
        _ => None,
    }
}

/// The most keys of a user of which is asked which is which; IAM allows two.
const MOST_KEYS: usize = 16;

/// Says how well an id fits a key of the report.
fn fit(slot: &Slot, candidate: &Candidate<'_>) -> i32 {
    let mut fit = 0;
    if let Some(status) = candidate.status {
        fit += if (status == Status::Active) == slot.is_active { 2 } else { -2 };
    }
    if let (Some(created), Some(changed)) = (candidate.created, slot.changed) {
        // A key changes after it was created, and never before.
        let distance = changed.unix_seconds() - created.unix_seconds();
        fit += match distance {
            -60..=60 => 4,
            61.. => 0,
            _ => -4,
        };
    }
    match (&candidate.used, &slot.used) {
        (Use::At { at: one, .. }, Use::At { at: two, .. }) if one == two => fit += 3,
        (Use::Never, Use::At { .. }) => fit -= 3,
        (Use::Never, Use::Never) => fit += 1,
        (Use::At { .. } | Use::Never | Use::Unknown, _) => {}
    }
    fit
}

impl Candidate<'_> {
    /// Returns a key of which only an answer tells.
    fn alone(&self) -> Key {
        Key {
            id: Some(self.id.to_owned()),
            candidates: Vec::new(),
            slot: None,
            status: self.status.unwrap_or(Status::Active),
            since: self.created,
            is_creation: true,
            used: self.used.clone(),
            places: Vec::new(),
        }
    }
}

/// Tags that name who is responsible, in the order of preference.
const OWNER_TAGS: &[&str] =
    &["owner", "team", "contact", "maintainer", "responsible", "owner-email", "email", "squad"];

/// Returns who is responsible: by the tags that were named, else by the usual ones. Case does not count.
fn owner(tags: &[Tag], named: &[String]) -> Option<String> {
    let find = |name: &str| tags.iter().find(|tag| tag.key.eq_ignore_ascii_case(name));
    let usual = OWNER_TAGS.iter().copied().filter(|_| named.is_empty());
    let tag = named.iter().map(String::as_str).chain(usual).find_map(find)?;
    told(Some(tag.value.trim()))
}

/// The managed policies' documents, by ARN.
struct Policies<'a>(HashMap<&'a str, &'a serde_json::Value>);

impl<'a> Policies<'a> {
    fn of(details: &'a Details) -> Self {
        let documents = details.policies.iter().filter_map(|policy| {
            let versions = &policy.policy_version_list;
            let default = versions.iter().find(|version| {
                version.is_default_version
                    || (version.version_id.is_some() && version.version_id == policy.default_version_id)
            });
            Some((policy.arn.as_str(), &default?.document))
        });
        Self(documents.collect())
    }

    fn reach(&self, inline: &[&InlinePolicy], attached: &[&Attached], boundary: Option<&str>) -> Reach {
        let inline = inline.iter().map(|policy| (policy.policy_name.as_str(), Some(&policy.policy_document)));
        let attached = attached.iter().map(|policy| {
            let arn = policy.policy_arn.as_str();
            (arn, self.0.get(arn).copied())
        });
        let policies: Vec<_> = inline.chain(attached).collect();
        reach::of(&policies, boundary.map(|arn| (arn, self.0.get(arn).copied())))
    }
}
