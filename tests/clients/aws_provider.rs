//! Terraform with its AWS provider, hashicorp/aws, in an account that checks our sessions.
//!
//! No package registry carries the provider: `tests/components` looks for it on this machine, and cannot install it. Where
//! it or Terraform is missing these tests are skipped with a line, whatever `ANYROLE_REQUIRE_COMPONENTS` says.
//!
//! They are slow, because the provider is a program of 700 MB that needs a third of a second of a core for each start, and
//! Terraform starts one for each provider block, twice in a plan: some 30 seconds on two cores, half of it for the thirty.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use pki_test::simulator::{Profile, Role, SessionIssuer, SimulatorSettings, Verdict};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use time::OffsetDateTime;

use super::account::{Account, issue_from};
use super::client::{consumers, terraform};
use super::world::{PROFILE_ARN, ROLE_ARN, World};
use crate::support::wait::wait_until;

/// A role that may do what [`ROLE_ARN`]'s may not.
const NETWORK_ROLE_ARN: &str = "arn:aws:iam::111122223333:role/network";

/// How long a session is that a run outlives.
const SHORT: time::Duration = time::Duration::seconds(4);

/// Less than the 15 seconds after which a request to AWS is given up, and tried again.
const PATIENCE: Duration = Duration::from_secs(8);

/// Longer than any step takes; only a failing test waits for it.
const LONGEST: Duration = Duration::from_mins(1);

#[test]
fn several_providers_plan_and_apply() {
    let Some((world, account)) = module(&read("aliases.tf"), |account, settings| {
        let roles = [ROLE_ARN, NETWORK_ROLE_ARN];
        settings.profiles = vec![Profile::new(PROFILE_ARN, &roles).expect("these are ARNs")];
        settings.roles = roles.iter().map(|role| Role::new(role).expect("it is an ARN")).collect();
        issue_from(account, settings, |_| {});
    }) else {
        return;
    };
    for arguments in [&["plan", "-out=plan"][..], &["apply", "plan"]] {
        succeeds(&run(&world, &account, arguments));
    }
    // Each resource was made by the role that may, in the region of its provider.
    for region in ["us-east-1", "eu-central-1"] {
        let owner = account.ask(&json!({"parameter": "owner", "region": region}));
        assert_eq!(owner, world.assumed_role_arn(), "{region}");
    }
    assert_eq!(
        account.ask(&json!({"topics": "us-east-1"})),
        json!(["arn:aws:sns:us-east-1:111122223333:builds"])
    );
    // One session for each role, in both runs and all of their providers.
    assert_eq!(world.simulator.sessions_requested(), 2);
    assert!(world.simulator.journal().iter().all(|entry| entry.verdict == Verdict::Accepted));
}

#[test]
fn a_run_outlives_its_session() {
    let asked_while_waiting = Arc::new(AtomicBool::new(false));
    let home = Home::default();
    let Some((world, account)) = module(&read("long.tf"), |account, settings| {
        let (account, home) = (Arc::clone(account), home.clone());
        let asked_while_waiting = Arc::clone(&asked_while_waiting);
        settings.issuer = Some(SessionIssuer(Arc::new(move |granted| {
            let home = home.path();
            if home.join("waiting").exists() {
                asked_while_waiting.store(true, Ordering::SeqCst);
            }
            // The account refuses the sessions before this one: nobody gets on with one that has ended.
            account.ask(&json!({"end_sessions": true}));
            let mut session = account.assume_role(granted);
            session.expiration = OffsetDateTime::now_utc() + SHORT;
            fs::write(home.join("ends"), session.expiration.unix_timestamp().to_string()).ok()?;
            Some(session)
        })));
    }) else {
        return;
    };
    home.is(&world);
    succeeds(&run(&world, &account, &["apply", "-auto-approve"]));
    assert_eq!(account.ask(&json!({"parameter": "before", "region": "us-east-1"})), "made");
    assert_eq!(account.ask(&json!({"parameter": "after", "region": "us-east-1"})), "made");
    assert!(asked_while_waiting.load(Ordering::SeqCst), "the provider asked again within one run");
}

/// The provider keeps our words to itself, as every Go SDK does: its user sees "error in credential_process: exit status 1".
/// The status and the log have the reason.
#[test]
fn a_refusal_is_in_the_status_and_the_log() {
    let Some((world, account)) = module(&read("one.tf"), |_, settings| {
        settings.faults = vec!["deny=untrusted-certificate".parse().expect("it is a fault")];
    }) else {
        return;
    };
    let Output { status, stdout, stderr } = run(&world, &account, &["plan"]);
    let (stdout, stderr) = (words(&stdout), words(&stderr));
    assert!(!status.success(), "{stdout}");
    assert!(stderr.contains("No valid credential sources found"), "{stderr}");
    assert!(stderr.contains("error in credential_process: exit status 1"), "{stderr}");
    assert!(
        !stderr.contains("Untrusted signing certificate"),
        "the provider shows more than it did: {stderr}"
    );

    let anyrole =
        settled(&world, &account, Command::new(env!("CARGO_BIN_EXE_anyrole"))).arg("status").output();
    let told = words(&anyrole.expect("it runs").stdout);
    let log = fs::read_to_string(world.home().join("log")).expect("the failure is logged");
    for part in ["AWS refused to create the session", "Untrusted signing certificate"] {
        assert!(told.contains(part), "anyrole status: {told}");
        assert!(log.contains(part), "{log}");
    }
    assert!(log.contains("credential-process terraform:"), "{log}");
    // However often the provider asked us.
    assert_eq!(world.simulator.sessions_requested(), 1);
}

/// Three runs, since Terraform has the other providers of a run wait until the first one has its credentials.
#[test]
fn thirty_providers_of_three_runs_share_one_session() {
    let mut text = read("one.tf");
    text.truncate(text.find("provider \"aws\"").expect("it has one"));
    let mut who = String::new();
    for number in 0..10 {
        write!(
            text,
            "provider \"aws\" {{\n  alias = \"n{number}\"\n  profile = \"terraform\"\n  region = \"us-east-1\"\n}}\n\
             data \"aws_caller_identity\" \"n{number}\" {{\n  provider = aws.n{number}\n}}\n"
        )
        .expect("a text takes it");
        write!(who, "data.aws_caller_identity.n{number}.arn, ").expect("a text takes it");
    }
    writeln!(text, "output \"who\" {{\n  value = [{who}]\n}}").expect("a text takes it");
    let home = Home::default();
    let Some((world, account)) = module(&text, |account, settings| {
        let (account, home) = (Arc::clone(account), home.clone());
        settings.issuer = Some(SessionIssuer(Arc::new(move |granted| {
            // While one run asks, the others wait for its answer, if they come while our process has the patience for it.
            let started = Instant::now();
            wait_until(|| asked(&home.path()) >= 3 || started.elapsed() > PATIENCE);
            Some(account.assume_role(granted))
        })));
    }) else {
        return;
    };
    home.is(&world);
    // What counts how often we are asked. It is no program, so that nobody has to wait until it is closed.
    let script = world.write(
        "counted.sh",
        &format!("echo >>\"$HOME/asked\"\nexec \"{}\" \"$@\"\n", env!("CARGO_BIN_EXE_anyrole")),
    );
    let process = format!("/bin/sh \"{}\" credential-process terraform", script.display());
    world.write("config", &format!("[profile terraform]\ncredential_process = {process}\n"));
    thread::scope(|scope| {
        // Nobody writes the state, and so nobody has to lock it.
        let run = || run(&world, &account, &["plan", "-lock=false"]);
        for run in [(); 3].map(|()| scope.spawn(run)) {
            let output = run.join().expect("it ran");
            succeeds(&output);
            let stdout = words(&output.stdout);
            assert_eq!(stdout.matches(&world.assumed_role_arn()).count(), 10, "{stdout}");
        }
    });
    assert_eq!(asked(&world.home()), 30);
    let journal = world.simulator.journal();
    assert_eq!(world.simulator.sessions_requested(), 1, "{journal:?}");
}

#[test]
fn the_run_after_a_kill_works() {
    let (asked, waits) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let Some((world, account)) = module(&read("one.tf"), |account, settings| {
        let (account, released) = (Arc::clone(account), Mutex::new(Some(released)));
        settings.issuer = Some(SessionIssuer(Arc::new(move |granted| {
            // The first one is answered when nobody is left to hear it.
            if let Some(released) = released.lock().ok()?.take() {
                asked.send(()).ok()?;
                let _ended = released.recv_timeout(LONGEST);
            }
            Some(account.assume_role(granted))
        })));
    }) else {
        return;
    };
    let mut terraform = command(&world, &account, &["apply", "-auto-approve"]);
    // A group of its own: Terraform, its provider and our process in the middle of CreateSession end at once.
    let mut terraform = terraform.process_group(0).spawn().expect("it ran a moment ago");
    let asked = waits.recv_timeout(LONGEST);
    let group = Pid::from_child(&terraform);
    kill_process_group(group, Signal::KILL).expect("it is running");
    assert!(!terraform.wait().expect("it is ours").success());
    asked.expect("the provider asks for a session");
    release.send(()).expect("the simulator waits");

    succeeds(&run(&world, &account, &["apply", "-auto-approve"]));
    assert_eq!(account.ask(&json!({"parameter": "only", "region": "us-east-1"})), "made");
    assert_eq!(world.simulator.sessions_requested(), 2);
}

/// The private home, for the simulator that is started before it is there.
#[derive(Clone, Default)]
struct Home(Arc<OnceLock<PathBuf>>);

impl Home {
    fn is(&self, world: &World) {
        self.0.set(world.home()).expect("a world has one home");
    }

    fn path(&self) -> PathBuf {
        self.0.get().expect("nobody asks for a session before").clone()
    }
}

/// How often the script in this home has started our program.
fn asked(home: &Path) -> usize {
    fs::read(home.join("asked")).map_or(0, |lines| lines.len())
}

/// Starts an account and a simulator, and initialises the module in the private home; `None` after saying what is missing.
fn module(
    text: &str,
    change: impl FnOnce(&Arc<Account>, &mut SimulatorSettings),
) -> Option<(World, Arc<Account>)> {
    if terraform().is_none() {
        eprintln!("skipped: there is no terraform, or no CLI configuration that names its providers");
        return None;
    }
    let (account, _) = Account::open("", &[])?;
    let world = World::start(|settings| change(&account, settings));
    world.name_sessions(&[("terraform", ROLE_ARN), ("network", NETWORK_ROLE_ARN)]);
    world.write("main.tf", text);
    let init = run(&world, &account, &["init"]);
    let stderr = words(&init.stderr);
    if stderr.contains("Failed to query available provider packages") {
        eprintln!("skipped: Terraform finds no hashicorp/aws 5.100: {stderr}");
        return None;
    }
    succeeds(&init);
    Some((world, account))
}

/// Runs Terraform to its end.
fn run(world: &World, account: &Account, arguments: &[&str]) -> Output {
    command(world, account, arguments).output().expect("it was there a moment ago")
}

fn command(world: &World, account: &Account, arguments: &[&str]) -> Command {
    let mut terraform = settled(world, account, terraform().expect("it was there a moment ago"));
    let (command, rest) = arguments.split_first().expect("a command has a name");
    // The provider fills a heap when it starts. Collected less often, that takes two thirds of the time.
    terraform.env("GOGC", "400");
    terraform.arg(command).args(["-no-color", "-input=false"]).args(rest);
    terraform
}

/// A program that finds the account, our named sessions and our log.
fn settled(world: &World, account: &Account, program: Command) -> Command {
    let mut command = world.settle(program, "file");
    command.env("ANYROLE_CONFIG", world.anyrole_config()).env("ANYROLE_LOG_FILE", world.home().join("log"));
    for service in ["SNS", "SSM", "STS"] {
        command.env(format!("AWS_ENDPOINT_URL_{service}"), &account.endpoint);
    }
    command
}

fn succeeds(output: &Output) {
    let Output { status, stdout, stderr } = output;
    assert!(status.success() && stderr.is_empty(), "{}{}", words(stdout), words(stderr));
}

/// What Terraform wrote, without the line ends that it puts anywhere.
fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read(name: &str) -> String {
    fs::read_to_string(consumers().join("terraform/provider").join(name)).expect("it is in the tree")
}
