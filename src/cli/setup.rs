//! `setup`: the AWS side of a session as code, and what ends it; printed, and nothing is sent.

mod plan;

use std::path::Path;

use super::args::{Needs, Spec, Typed, Words};
use super::report::Failure;
use super::settings::table::{Kind, Setting};
use super::usage::UsageError;
use super::{Invocation, output};
use crate::env::Environment;
use crate::identity::{self, IdentitySource, Input};
use crate::private_file;
use crate::setup::revoke::{self, Target};
use crate::setup::{Format, Place, RevocationList, SetupError, alerts, deny};
use crate::x509::Chain;

/// The most bytes of a file that is read here.
const FILE_LIMIT: u64 = 1024 * 1024;

const CA: Setting =
    Setting::flag("ca", Kind::Text("FILE|ARN"), "the CA's certificate, or an authority of AWS Private CA");
const CERTIFICATE: Setting =
    Setting::flag("certificate", Kind::Text("INPUT"), "a certificate that is to get the role");
const ACCOUNT: Setting = Setting::flag("account", Kind::Text("ID"), "the account, twelve digits");
const REGION: Setting = Setting::flag("region", Kind::Text("REGION"), "region of trust anchor and profile");
const FORMAT: Setting =
    Setting::flag("format", Kind::Word("cli|cloudformation|terraform"), "the language [default: cli]");
const CONDITION: Setting =
    Setting::flag("condition", Kind::List("TAG[=VALUE]"), "who else, or who instead; may be given again");
const ANY: Setting = Setting::flag("any-certificate", Kind::Boolean, "admit every certificate of the CA");
const POLICY: Setting =
    Setting::flag("policy", Kind::Text("FILE"), "what the role may do, a policy in JSON [default: nothing]");
const DURATION: Setting =
    Setting::flag("duration", Kind::Duration, "15m to 12h, the longest session [default: 1h]");
const EGRESS_CIDR: Setting =
    Setting::flag("egress-cidr", Kind::List("NETWORK"), "use the role from there alone; may be given again");
const EGRESS_VPC: Setting =
    Setting::flag("egress-vpc", Kind::List("VPC"), "and through endpoints of this VPC; may be given again");
const SECOND_HOP: Setting = Setting::flag("second-hop", Kind::Text("ARN"), "a role to assume from this one");
const SESSION_NAME: Setting = Setting::flag(
    "session-name",
    Kind::List("PATTERN"),
    "role session names that callers may give; may be given again",
);
const MAPPING: Setting =
    Setting::flag("mapping", Kind::List("FIELD=LIST"), "what becomes session tags; may be given again");
const ALIAS: Setting = Setting::flag("alias", Kind::Text("NAME"), "alias of trust anchor and profile");
const TIP: Setting = Setting::flag(
    "tip",
    Kind::Boolean,
    "trusted identity propagation: a condition on what callers cannot set",
);
const CRL: Setting = Setting::flag("crl", Kind::Text("FILE"), "a revocation list to import, in PEM");
const POINTS: Setting = Setting::flag(
    "crl-distribution-points",
    Kind::Boolean,
    "ask the URLs in the certificates for revocation lists",
);
const ALERTS: Setting =
    Setting::flag("alerts", Kind::Boolean, "print alerts for changes of IAM and Roles Anywhere instead");
const EMAIL: Setting =
    Setting::flag("email", Kind::List("ADDRESS"), "with --alerts, who is told; may be given again");
const DENY: Setting = Setting::flag(
    "deny-static-keys",
    Kind::Boolean,
    "print a policy of the organization against static keys instead",
);
const EXCEPT: Setting = Setting::flag(
    "except",
    Kind::List("ROLE_ARN"),
    "with --deny-static-keys, who may make them; may be given again",
);
const REVOKE: Setting = Setting::flag(
    "revoke",
    Kind::Word("certificate|host|role|anchor"),
    "print what ends the sessions of one of these instead",
);
const SOURCE_IDENTITY: Setting =
    Setting::flag("source-identity", Kind::Text("TEXT"), "with --revoke host, which host: CN=build-17");

/// `anyrole setup`.
pub(super) const SPEC: Spec = Spec {
    name: "setup",
    about: "Prints the AWS side: trust anchor, role, profile, alerts, and what ends sessions.",
    words: Words::Session,
    groups: &[],
    flags: &[
        CA,
        CERTIFICATE,
        ACCOUNT,
        REGION,
        FORMAT,
        CONDITION,
        ANY,
        POLICY,
        DURATION,
        EGRESS_CIDR,
        EGRESS_VPC,
        SECOND_HOP,
        SESSION_NAME,
        MAPPING,
        ALIAS,
        TIP,
        CRL,
        POINTS,
        ALERTS,
        EMAIL,
        DENY,
        EXCEPT,
        REVOKE,
        SOURCE_IDENTITY,
    ],
    more: "\
Sends nothing; what it prints is for you to read and to run:
  anyrole setup deploy --ca ca.pem --certificate build-17.pem \\
    --account 111122223333 --region eu-central-1 --format terraform

The trust policy admits Roles Anywhere alone, from this trust anchor, for the subject name of
--certificate and the common name of its issuer. --condition puts others in their place: a session tag
with a value, or without one for that of --certificate. * and ? in a value stand for other characters.
  --condition x509Subject/CN=build-* --condition x509Issuer/CN
  --condition x509SAN/URI=spiffe://example.org/build

The role may do nothing, unless --policy says what. What a language cannot say is a command of the AWS
CLI in a comment at the end; after it stands the command that goes on, on the host.

Instead of all that it prints, without --ca:
  --alerts            what tells of changes: rules of EventBridge
  --deny-static-keys  an organization's policy against new access keys
  --revoke WHAT       a script that ends sessions, in the safe order

  anyrole setup deploy --revoke certificate --certificate build-17.pem \\
    --crl ca-crl.pem --account 111122223333 --region eu-central-1
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let typed = &invocation.typed;
    let others: Vec<&Setting> = [&ALERTS, &DENY].into_iter().filter(|flag| invocation.has(flag)).collect();
    let revoked = typed.flag(REVOKE.name);
    if others.len() + usize::from(revoked.is_some()) > 1 {
        return Err(flags(
            "prints one thing at a time",
            "call it once with each of --alerts, --deny-static-keys, --revoke",
        )
        .into());
    }
    let place = Place::new(required(typed, &ACCOUNT)?, required(typed, &REGION)?)?;
    let text = match (revoked, others.first()) {
        (Some(what), _) => {
            only(
                invocation,
                "--revoke",
                &[CERTIFICATE, ACCOUNT, REGION, FORMAT, CRL, POINTS, REVOKE, SOURCE_IDENTITY],
            )?;
            if typed.flag(FORMAT.name).is_some_and(|format| format != "cli") {
                let why = "writes --revoke as a script alone: it is something done once and at once, not a state to keep";
                return Err(flags(why, "leave out --format").into());
            }
            revoke::write(name(invocation)?, &place, &target(invocation, what)?)
        }
        (None, Some(flag)) if **flag == ALERTS => {
            only(invocation, "--alerts", &[ACCOUNT, REGION, FORMAT, ALERTS, EMAIL])?;
            let addresses: Vec<String> =
                typed.texts(EMAIL.name).map(plan::address).collect::<Result<_, _>>()?;
            alerts::write(&place, &addresses, format(typed))
        }
        (None, Some(_)) => {
            only(invocation, "--deny-static-keys", &[ACCOUNT, REGION, FORMAT, DENY, EXCEPT])?;
            let exceptions: Vec<String> =
                typed.texts(EXCEPT.name).map(deny::exception).collect::<Result<_, _>>()?;
            deny::write(&place, &exceptions, format(typed))
        }
        (None, None) => {
            for (flag, with) in [
                (&EMAIL, "belongs to --alerts"),
                (&EXCEPT, "belongs to --deny-static-keys"),
                (&SOURCE_IDENTITY, "belongs to --revoke host"),
            ] {
                if typed.flag(flag.name).is_some() {
                    let why = format!("is given --{}, which {with}", flag.name);
                    return Err(SetupError::Flags {
                        why,
                        hint: "anyrole help setup shows what each flag is for",
                    }
                    .into());
                }
            }
            plan::of(invocation, name(invocation)?, place)?.write(format(typed))?
        }
    };
    output::write(text.as_bytes()).map_err(Failure::output)
}

/// Refuses flags that mean nothing beside another one.
fn only(invocation: &Invocation<'_>, beside: &str, known: &[Setting]) -> Result<(), SetupError> {
    let given = SPEC.flags.iter().filter(|flag| invocation.typed.flag(flag.name).is_some());
    match given.into_iter().find(|flag| !known.contains(flag)) {
        None => Ok(()),
        Some(flag) => Err(SetupError::Flags {
            why: format!("does not take --{} beside {beside}", flag.name),
            hint: "anyrole help setup shows what each flag is for",
        }),
    }
}

fn flags(why: &str, hint: &'static str) -> SetupError {
    SetupError::Flags { why: why.to_owned(), hint }
}

fn name<'a>(invocation: &'a Invocation<'_>) -> Result<&'a str, UsageError> {
    invocation.name().ok_or(UsageError::WordMissing { word: "NAME", command: SPEC.name })
}

fn required<'a>(typed: &'a Typed, flag: &Setting) -> Result<&'a str, SetupError> {
    let hint = "anyrole setup NAME --ca CA.pem --certificate HOST.pem --account ID --region REGION";
    typed.flag(flag.name).ok_or_else(|| SetupError::Flags { why: format!("needs --{}", flag.name), hint })
}

fn format(typed: &Typed) -> Format {
    match typed.flag(FORMAT.name) {
        Some("cloudformation") => Format::CloudFormation,
        Some("terraform") => Format::Terraform,
        Some(_) | None => Format::Cli,
    }
}

/// Reads the certificates of a source.
fn chain(text: &str, env: &Environment) -> Result<Chain, Failure> {
    let input = match Input::parse(text)? {
        Input::Path(path) => Input::file_named_by(&*path, "--certificate"),
        other @ (Input::Descriptor(_)
        | Input::Pkcs11Uri(_)
        | Input::StandardInput
        | Input::TpmHandle(_)
        | Input::Variable(_)) => other,
    };
    Ok(identity::load_chain(&IdentitySource::of_certificates(input), env)?)
}

fn revocation_list(typed: &Typed) -> Result<Option<RevocationList>, Failure> {
    let Some(path) = typed.flag(CRL.name) else { return Ok(None) };
    let bytes = private_file::read_bounded(Path::new(path), FILE_LIMIT)?;
    Ok(Some(RevocationList::parse(&bytes, path)?))
}

/// Reads what is to end.
fn target(invocation: &Invocation<'_>, what: &str) -> Result<Target, Failure> {
    let typed = &invocation.typed;
    let certificate = typed.flag(CERTIFICATE.name);
    let chain = certificate.map(|text| chain(text, invocation.env)).transpose()?;
    let list = revocation_list(typed)?;
    match what {
        "certificate" => {
            let Some(chain) = chain else {
                return Err(flags(
                    "needs --certificate with --revoke certificate",
                    "give the certificate that is revoked",
                )
                .into());
            };
            let serial = chain.end_entity.serial_number();
            match (&list, invocation.has(&POINTS)) {
                (None, false) => {
                    let why = "needs the revocation list, so that the certificate gets no new session";
                    let hint = "revoke it (anyrole pki revoke NAME; anyrole pki crl), then give --crl FILE, or --crl-distribution-points where the trust anchor asks them";
                    return Err(flags(why, hint).into());
                }
                (Some(list), _) if !list.lists(serial) => {
                    let why = format!(
                        "is given a --crl without the serial number {} of --certificate",
                        serial.hex()
                    );
                    let hint = "revoke it first (anyrole pki revoke NAME), write the list again (anyrole pki crl), and give that";
                    return Err(SetupError::Flags { why, hint }.into());
                }
                (Some(_), _) | (None, true) => {}
            }
            Ok(Target::Certificate {
                serial: serial.hex().to_owned(),
                source_identity: revoke::source_identity_of(&chain.end_entity),
                list,
            })
        }
        "host" => match (typed.flag(SOURCE_IDENTITY.name), chain) {
            (Some(text), None) => Ok(Target::Host(revoke::source_identity(text)?)),
            (None, Some(chain)) => Ok(Target::Host(revoke::source_identity_of(&chain.end_entity))),
            (None, None) | (Some(_), Some(_)) => Err(flags(
                "needs one of --source-identity and --certificate with --revoke host",
                "give --source-identity CN=build-17, as CloudTrail shows it",
            )
            .into()),
        },
        "anchor" => Ok(Target::Anchor),
        _ => Ok(Target::Role),
    }
}
