//! `demo`: a PKI, a simulator and one real exchange, in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::simulator::Simulator;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::settings::table::{Kind, Setting};
use super::simulate::World;
use super::{Invocation, output};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::credentials::SessionCredentials;
use crate::diagnostic::{Diagnostic, Fault};
use crate::env::Environment;
use crate::http::runtime::block_on;
use crate::http::{Limits, NativeTransport, Proxies, ServerTrust, Timeouts, TransportSettings, TrustedRoots};
use crate::pki::{Folder, InitSpec, IssueSpec, Issued, KeyOrigin, PkiError};
use crate::private_file::{self, shell_word};
use crate::secret::Secret;
use crate::signing::Endpoint;
use crate::sts::{CallerIdentity, Sts};

/// The demo's certificate is useless the next day.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);
const REGION: &str = "eu-central-1";
const ACCOUNT: &str = "111122223333";

const KEEP: Setting = Setting::flag("keep", Kind::Boolean, "keep the folder, and tell where it is");

/// `anyrole demo`.
pub(super) const SPEC: Spec = Spec {
    name: "demo",
    about: "Shows one exchange from certificate to credentials, without AWS.",
    words: Words::None,
    groups: &[],
    flags: &[KEEP],
    more: "Everything happens in a temporary folder and on 127.0.0.1, and is gone afterwards.\n",
    needs: Needs::Everything,
    run,
};

/// Why the demo stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// The program could not be started a second time, or failed; it has reported why.
    #[error("the demo's credential-process did not succeed")]
    Child(#[source] Option<std::io::Error>),
    /// The system does not reveal the path of this program, which the demo has to call.
    #[error("the demo calls this program once more, and the system does not tell where it is")]
    Itself(#[source] std::io::Error),
    /// Its output is not what an SDK reads.
    #[error("the demo's credential-process printed something other than the JSON of an SDK")]
    Output,
    /// Ctrl-C, or SIGTERM.
    #[error("the demo was told to stop")]
    Stopped,
    /// The temporary folder has no random name, or the simulator no https endpoint.
    #[error("the demo cannot be set up: {0}")]
    Setup(String),
}

impl DemoError {
    /// The ids of all variants.
    pub(super) const IDS: &[&str] = &["demo"];
}

impl Diagnostic for DemoError {
    fn id(&self) -> &'static str {
        "demo"
    }

    fn fault(&self) -> Fault {
        Fault::Local
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Itself(_) if cfg!(target_os = "linux") => {
                Some(String::from("mount /proc, where Linux tells it: mount -t proc proc /proc"))
            }
            Self::Child(_) | Self::Itself(_) | Self::Output | Self::Setup(_) | Self::Stopped => None,
        }
    }
}

/// Runs the demo on a separate thread, so that a signal ends it at the next step and no folder is left behind.
fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let keep = invocation.has(&KEEP);
    let stop = Arc::new(AtomicBool::new(false));
    block_on(async {
        // Before there is a folder.
        let asked = super::simulate::ending::asked();
        let told = Arc::clone(&stop);
        let mut shown = tokio::task::spawn_blocking(move || show(keep, &told));
        let shown = tokio::select! {
            shown = &mut shown => shown,
            () = asked => {
                stop.store(true, Ordering::Relaxed);
                shown.await
            }
        };
        shown.map_err(|_| DemoError::Setup(String::from("one of its steps panicked")))?
    })?
}

/// Goes from step to step until the end, or until it is asked to stop.
fn show(keep: bool, stop: &AtomicBool) -> Result<(), Failure> {
    // Before anything is created or shown: otherwise the demo would fail half-way.
    let program = std::env::current_exe().map_err(DemoError::Itself)?;
    let folder = TemporaryFolder::create(keep)?;
    let now = SystemClock.now();
    let say = |text: String| {
        if stop.load(Ordering::Relaxed) {
            return Err(DemoError::Stopped.into());
        }
        output::write(text.as_bytes()).map_err(Failure::output)
    };

    let pki = Folder::new(folder.path.join("pki"));
    let issued = make_pki(&pki, now)?;
    say(format!(
        "1  A PKI: a root, an intermediate, and the identity 'TEST build-17', which lives 24 hours.\n   {}\n\n",
        shell_word(&issued.certificate)
    ))?;

    let world = World::new(REGION, ACCOUNT, &["demo"]);
    let (simulator, endpoint, ca) = simulate(&world, &pki, &folder.path)?;
    say(format!(
        "2  A simulated IAM Roles Anywhere, which trusts that root and verifies as AWS does.\n   {endpoint}\n\n"
    ))?;

    let arguments = arguments(&world, &issued, &endpoint, &ca);
    let shown = arguments.chunks(2).map(|pair| pair.join(" ")).collect::<Vec<_>>().join(" \\\n     ");
    say(format!(
        "3  The real command signs CreateSession with the certificate's key:\n   anyrole credential-process {shown}\n\n"
    ))?;
    let credentials = run_child(&program, &arguments, &folder.path)?;
    say(format!(
        "   It printed the JSON of an SDK's credential_process: access key {}, valid until {} ({}).\n\n",
        credentials.access_key_id,
        credentials.expiration,
        credentials.expiration.distance_from(now),
    ))?;

    let caller = ask_who(&endpoint, &ca, &credentials)?;
    say(format!("4  The credentials work. GetCallerIdentity says they are\n   {}\n\n", caller.arn))?;
    simulator.stop();
    say(next_steps(&folder))
}

/// Creates a root, an intermediate and one identity.
fn make_pki(pki: &Folder, now: Timestamp) -> Result<Issued, PkiError> {
    let spec = InitSpec {
        name: String::from("TEST demo"),
        algorithm: KeyAlgorithm::EcP256,
        intermediate: true,
        passphrase: None,
        crl_url: None,
        root_crl_url: None,
    };
    pki.init(&spec, now)?;
    let subject = String::from("TEST build-17");
    let identity = IssueSpec {
        name: String::from("build-17"),
        subject: DistinguishedName::common_name(subject.clone())
            .map_err(|source| PkiError::Subject { subject, source })?,
        alternative_names: Vec::new(),
        lifetime: LIFETIME,
        key: KeyOrigin::New(KeyAlgorithm::EcP256),
        crl_url: None,
    };
    pki.issue(&identity, None, now)
}

/// Starts a simulator with TLS; returns it with its endpoint and the file of its CA.
fn simulate(world: &World, pki: &Folder, folder: &Path) -> Result<(Simulator, String, PathBuf), Failure> {
    let root = super::simulate::certificates(&pki.root_certificate())?;
    let mut settings = world.simulator(&root)?;
    settings.https = Some(settings.http);
    let simulator = Simulator::start(settings).map_err(super::simulate::error::SimulateError::Start)?;
    let (Some(endpoint), Some(pem)) = (simulator.https_endpoint(), simulator.tls_ca_pem()) else {
        return Err(DemoError::Setup(String::from("the simulator has no https endpoint")).into());
    };
    let ca = folder.join("https-ca.pem");
    private_file::write_new(&ca, pem.as_bytes(), 0o600)?;
    Ok((simulator, endpoint, ca))
}

fn arguments(world: &World, issued: &Issued, endpoint: &str, ca: &Path) -> Vec<String> {
    let role = world.role_arns.first().map_or("", String::as_str);
    [
        ("--trust-anchor-arn", world.trust_anchor_arn.clone()),
        ("--profile-arn", world.profile_arn.clone()),
        ("--role-arn", role.to_owned()),
        ("--certificate", issued.certificate.display().to_string()),
        (
            "--private-key",
            issued.private_key.as_ref().map_or_else(String::new, |key| key.display().to_string()),
        ),
        ("--endpoint", endpoint.to_owned()),
        ("--ca-bundle", ca.display().to_string()),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.to_owned(), value])
    .collect()
}

/// Runs this program again, as an SDK would, in an environment without anything of the user's.
fn run_child(program: &Path, arguments: &[String], home: &Path) -> Result<SessionCredentials, Failure> {
    let done = Command::new(program)
        .arg("credential-process")
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        // The demo's session does not belong in the user's keyring.
        .env("ANYROLE_CACHE", "none")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| DemoError::Child(Some(error)))?;
    let stdout = Zeroizing::new(done.stdout);
    if !done.status.success() {
        return Err(DemoError::Child(None).into());
    }
    Ok(read_credentials(&stdout).ok_or(DemoError::Output)?)
}

/// Parses the document as an SDK does.
fn read_credentials(document: &[u8]) -> Option<SessionCredentials> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Document {
        version: u8,
        access_key_id: String,
        secret_access_key: String,
        session_token: String,
        expiration: String,
    }
    let document: Document = serde_json::from_slice(document).ok()?;
    (document.version == 1).then_some(())?;
    Some(SessionCredentials {
        access_key_id: document.access_key_id,
        secret_access_key: Secret::new(document.secret_access_key),
        session_token: Secret::new(document.session_token),
        expiration: Timestamp::parse_rfc3339(&document.expiration)?,
    })
}

/// Asks the simulator's STS for the identity behind the credentials.
fn ask_who(endpoint: &str, ca: &Path, credentials: &SessionCredentials) -> Result<CallerIdentity, Failure> {
    let endpoint = Endpoint::parse(endpoint)?;
    let roots = TrustedRoots {
        bundle: Some(ca.to_path_buf()),
        ..TrustedRoots::platform(Environment::given::<String, String>([]))
    };
    let transport = NativeTransport::new(TransportSettings {
        proxies: Proxies::default(),
        timeouts: Timeouts::default(),
        trust: ServerTrust::Roots(roots),
    });
    let sts = Sts {
        transport: &transport,
        endpoint: &endpoint,
        region: REGION,
        limits: Limits::default(),
        clock: &SystemClock,
        clock_offset: 0,
    };
    Ok(block_on(sts.caller_identity(credentials))??)
}

fn next_steps(folder: &TemporaryFolder) -> String {
    let kept = if folder.keep {
        format!("The folder stays: {}\n\n", shell_word(&folder.path))
    } else {
        String::from("Everything of this demo is gone now (--keep leaves the folder).\n\n")
    };
    format!(
        "\
{kept}With the real AWS:
  a  make a PKI, or use the one you have:
       anyrole pki init && anyrole pki issue build-17
  b  register its root as a trust anchor:
       aws rolesanywhere create-trust-anchor --name build --enabled \\
         --source \"sourceType=CERTIFICATE_BUNDLE,sourceData={{x509CertificateData=$(cat anyrole-pki/ca/root.pem)}}\"
  c  make a role whose trust policy names that trust anchor and no other:
       {{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",
         \"Principal\":{{\"Service\":\"rolesanywhere.amazonaws.com\"}},
         \"Action\":[\"sts:AssumeRole\",\"sts:TagSession\",\"sts:SetSourceIdentity\"],
         \"Condition\":{{\"ArnEquals\":{{\"aws:SourceArn\":\"<the trust anchor's ARN>\"}},
           \"StringEquals\":{{\"aws:PrincipalTag/x509Subject/CN\":\"build-17\"}}}}}}]}}
  d  list the role in a profile:
       aws rolesanywhere create-profile --name build --enabled --role-arns <the role's ARN>
  e  use it from every SDK and the CLI; in ~/.aws/config, on one line:
       credential_process = anyrole credential-process --trust-anchor-arn … --profile-arn … --role-arn … --certificate … --private-key …
"
    )
}

/// A folder of this run, removed at the end unless it is kept.
struct TemporaryFolder {
    path: PathBuf,
    keep: bool,
}

impl TemporaryFolder {
    fn create(keep: bool) -> Result<Self, Failure> {
        let mut random = [0_u8; 8];
        aws_lc_rs::rand::fill(&mut random)
            .map_err(|_| DemoError::Setup(String::from("there is no randomness")))?;
        let path = std::env::temp_dir().join(format!("anyrole-demo-{}", hex::encode(random)));
        private_file::create_private_folder(&path)?;
        Ok(Self { path, keep })
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed contains keys that nobody trusts, and is owner-only.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
