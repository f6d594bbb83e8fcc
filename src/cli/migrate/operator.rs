//! The operator, who may change keys in IAM: whose credentials are taken, and what is printed for one who has them elsewhere.

use super::super::Invocation;
use super::super::report::Failure;
use super::super::settings::Settings;
use super::super::settings::session::SessionSettings;
use super::super::settings::table::{Kind, Setting};
use crate::clock::SystemClock;
use crate::credentials::AccessKey;
use crate::http::runtime::block_on;
use crate::http::{Limits, NativeTransport};
use crate::iam::{self, Iam, IamError, KeyStatus, LastUsed};
use crate::migrate::MigrateError;
use crate::migrate::files::Files;
use crate::signing::Endpoint;
use crate::text::quoted;

pub(super) const OPERATOR_PROFILE: Setting = Setting::flag(
    "operator-profile",
    Kind::Text("PROFILE"),
    "do it in IAM with the keys of this AWS profile",
);
pub(super) const OPERATOR_ENV: Setting =
    Setting::flag("operator-env", Kind::Boolean, "do it in IAM with AWS_ACCESS_KEY_ID and its companions");
pub(super) const IAM_ENDPOINT: Setting =
    Setting::flag("iam-endpoint", Kind::Text("URL"), "call IAM at this address instead of the partition's");

/// The SDKs' variable for the same.
const IAM_ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL_IAM";

/// Returns a command of the AWS CLI that does something to a key, whoever its user is.
pub(super) fn command(access_key_id: &str, operation: &str, more: &str) -> String {
    let user = format!(
        "$(aws iam get-access-key-last-used --access-key-id {access_key_id} --query UserName --output text)"
    );
    format!("aws iam {operation} --user-name \"{user}\" --access-key-id {access_key_id}{more}")
}

/// IAM, with the credentials of an operator.
pub(super) struct Operator {
    key: AccessKey,
    transport: NativeTransport,
    endpoint: Endpoint,
    region: &'static str,
    limits: Limits,
}

/// Returns the operator that the flags name; `None` where none is named.
pub(super) fn named(
    invocation: &Invocation<'_>,
    settings: &Settings,
    session: &SessionSettings,
    access_key_id: &str,
) -> Result<Option<Operator>, Failure> {
    let key = match (invocation.typed.flag(OPERATOR_PROFILE.name), invocation.has(&OPERATOR_ENV)) {
        (None, false) => return Ok(None),
        (Some(_), true) => {
            return Err(MigrateError::Operator {
                why: String::from("two are named"),
                hint: String::from("leave out --operator-profile or --operator-env"),
            }
            .into());
        }
        (Some(profile), false) => of_profile(invocation, profile)?,
        (None, true) => of_variables(invocation)?,
    };
    if key.access_key_id == access_key_id {
        return Err(MigrateError::Operator {
            why: format!("{access_key_id} is the key itself"),
            hint: String::from(
                "give those of somebody else: a key that ends itself cannot be brought back by itself",
            ),
        }
        .into());
    }
    of_key(invocation, settings, session, key).map(Some)
}

/// Returns IAM with this key.
pub(super) fn of_key(
    invocation: &Invocation<'_>,
    settings: &Settings,
    session: &SessionSettings,
    key: AccessKey,
) -> Result<Operator, Failure> {
    let variable = invocation.env.var(IAM_ENDPOINT_VARIABLE).ok().flatten();
    let url = invocation.typed.flag(IAM_ENDPOINT.name).or(variable.as_deref()).filter(|url| !url.is_empty());
    let partition = session.request.role_arn.arn().partition();
    let (endpoint, region) = iam::endpoint(partition, url)?;
    let transport = NativeTransport::new(settings.transport(invocation.env)?);
    Ok(Operator { key, transport, endpoint, region, limits: session.limits })
}

fn of_profile(invocation: &Invocation<'_>, profile: &str) -> Result<AccessKey, Failure> {
    let files = Files::read(invocation.env, false)?;
    let key = files.access_key(profile).map_err(MigrateError::from)?;
    Ok(key.ok_or_else(|| MigrateError::Operator {
        why: format!("profile {} holds no access key", quoted(profile)),
        hint: format!(
            "a profile of another kind: eval \"$(aws configure export-credentials --profile {profile} --format env)\", then --operator-env"
        ),
    })?)
}

fn of_variables(invocation: &Invocation<'_>) -> Result<AccessKey, Failure> {
    let text = |name: &str| invocation.env.var(name).ok().flatten().filter(|text| !text.is_empty());
    let missing = |why: &str| MigrateError::Operator {
        why: why.to_owned(),
        hint: String::from(
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for a session, AWS_SESSION_TOKEN",
        ),
    };
    let id = text("AWS_ACCESS_KEY_ID").ok_or_else(|| missing("AWS_ACCESS_KEY_ID is not set"))?;
    let secret = text("AWS_SECRET_ACCESS_KEY").ok_or_else(|| missing("AWS_SECRET_ACCESS_KEY is not set"))?;
    let token = text("AWS_SESSION_TOKEN");
    Ok(AccessKey::new(&id, &secret, token.as_deref())
        .map_err(|error| missing(&error.to_string().replace("the answer's", "the variable's")))?)
}

impl Operator {
    fn iam(&self) -> Iam<'_, NativeTransport> {
        Iam {
            transport: &self.transport,
            endpoint: &self.endpoint,
            region: self.region,
            limits: self.limits,
            clock: &SystemClock,
            operator: &self.key,
        }
    }

    /// Asks whose the key is and when it was last used; `None` where IAM knows no such key.
    pub(super) fn last_used(&self, access_key_id: &str) -> Result<Option<LastUsed>, Failure> {
        match block_on(self.iam().last_used(access_key_id))? {
            Ok(last_used) => Ok(Some(last_used)),
            Err(error) if error.is_no_such_key() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Has the key accepted, or refused.
    pub(super) fn set_status(&self, access_key_id: &str, status: KeyStatus) -> Result<(), Failure> {
        let user = self.user(access_key_id)?;
        Ok(block_on(self.iam().set_status(access_key_id, user.as_deref(), status))??)
    }

    /// Deletes the key.
    pub(super) fn delete(&self, access_key_id: &str) -> Result<(), Failure> {
        let user = self.user(access_key_id)?;
        Ok(block_on(self.iam().delete(access_key_id, user.as_deref()))??)
    }

    /// Returns whose the key is: without a user IAM takes that of the operator. A key that may only end itself may not ask.
    fn user(&self, access_key_id: &str) -> Result<Option<String>, Failure> {
        match block_on(self.iam().last_used(access_key_id))? {
            Ok(last_used) => Ok(last_used.user),
            Err(IamError::Refused { .. }) if self.key.access_key_id == access_key_id => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
