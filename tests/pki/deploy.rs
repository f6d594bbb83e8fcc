//! The way of a pair from the PKI to another user's program, through renewals.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::workbench::Workbench;
use crate::support::components::have;

/// The service's user, who has no account.
const SERVICE: &str = "61500";

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Puts the identity where the service reads it, which must succeed.
fn deploy(bench: &Workbench) -> String {
    bench.pki(&format!("deploy host --to identity --owner {SERVICE}")).done()
}

#[test]
fn a_service_of_another_user_follows_a_renewal() {
    if !is_root() || !have(&["setpriv"]) {
        eprintln!("skipped: this test gives files to another user, which needs root");
        return;
    }
    let bench = Workbench::with_root();
    bench.run("chmod", "755 .").done();
    bench.pki("issue host").done();
    let simulator = bench.simulator("anyrole-pki/ca/root.pem");
    let serial = || {
        let call = bench.session_as(&simulator, SERVICE, "identity/host.pem", "identity/host.key").done();
        assert!(call.starts_with(r#"{"Version":1,"#), "{call}");
        simulator.journal().last().and_then(|call| call.serial.clone()).expect("a call with a certificate")
    };
    let told = deploy(&bench);
    assert!(told.starts_with("deployed host: valid until"), "{told}");
    let found = fs::metadata(bench.path("identity/host.key")).expect("it is there");
    assert_eq!((found.uid().to_string().as_str(), found.mode() & 0o7777), (SERVICE, 0o600));
    let first = serial();
    // Nothing is due, and nothing is done; a deployment that somebody spoiled is made good.
    assert!(deploy(&bench).starts_with("already there, nothing done: host"));
    fs::set_permissions(bench.path("identity/host.key"), fs::Permissions::from_mode(0o644))
        .expect("root may");
    assert!(deploy(&bench).starts_with("deployed host"));

    bench.pki("renew host").done();
    assert_eq!(serial(), first, "the old pair still works");
    deploy(&bench);
    assert_ne!(serial(), first);
    let beside: Vec<_> =
        fs::read_dir(bench.path(".")).expect("ours").flatten().map(|found| found.file_name()).collect();
    // The lock stays.
    let is_leftover = |name: &&std::ffi::OsString| name.to_string_lossy().starts_with(".identity");
    assert_eq!(beside.iter().filter(is_leftover).collect::<Vec<_>>(), [".identity.lock"], "{beside:?}");
}

/// Whoever opens the folder has one pair, at every moment of many deployments.
#[test]
fn a_reader_never_has_one_file_of_each_pair() {
    let bench = Workbench::with_root();
    bench.run("chmod", "755 .").done();
    let pair = |folder: &Path| {
        // Through one descriptor of the folder, as one look at it.
        let script = "cd \"$0\" && cat host.pem host.key";
        let read = Command::new("sh").args(["-c", script]).arg(folder).output().expect("a shell");
        (read.status.success(), read.stdout)
    };
    let mut pairs = Vec::new();
    for name in ["one", "two"] {
        bench.pki(&format!("issue host --replace --folder anyrole-pki --subject CN={name}")).done();
        bench.run("cp", &format!("-a anyrole-pki/host {name}")).done();
        pairs.push(pair(&bench.path(name)).1);
    }
    bench.pki("deploy host --to identity").done();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while !is_over.load(Ordering::Relaxed) {
                let (is_whole, read) = pair(&bench.path("identity"));
                // A folder that is replaced while it is read is gone, and would be read again.
                assert!(!is_whole || pairs.contains(&read), "{}", String::from_utf8_lossy(&read));
                seen += u32::from(is_whole);
            }
            seen
        });
        for round in 0..40 {
            bench.run("rm", "-r anyrole-pki/host").done();
            bench.run("cp", &format!("-a {} anyrole-pki/host", ["one", "two"][round % 2])).done();
            bench.pki("deploy host --to identity").done();
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(reader.join().expect("the reader") > 0);
    });
}

/// Two PKIs that have an identity of the same name, and one place: whoever is last, it is a pair.
#[test]
fn deployments_at_the_same_time_follow_each_other() {
    let bench = Workbench::with_root();
    bench.run("chmod", "755 .").done();
    bench.pki("init --no-passphrase --folder other").done();
    for folder in ["anyrole-pki", "other"] {
        bench.pki(&format!("issue host --folder {folder}")).done();
    }
    std::thread::scope(|scope| {
        for folder in ["anyrole-pki", "other", "anyrole-pki", "other"] {
            let bench = &bench;
            scope.spawn(move || {
                for _ in 0..12 {
                    bench.pki(&format!("deploy host --to identity --folder {folder}")).done();
                }
            });
        }
    });
    let found = ["pem", "key"].map(|kind| bench.read(&format!("identity/host.{kind}")));
    let pairs = ["anyrole-pki", "other"]
        .map(|pki| ["pem", "key"].map(|kind| bench.read(&format!("{pki}/host/host.{kind}"))));
    assert!(pairs.contains(&found));
}

/// What a deployment that was killed left behind is put back, or removed.
#[test]
fn a_killed_deployment_is_made_good() {
    let bench = Workbench::with_root();
    bench.run("chmod", "755 .").done();
    bench.pki("issue host").done();
    bench.pki("deploy host --to identity").done();
    bench.run("mv", "identity .identity.old").done();
    bench.run("mkdir", "-m 700 .identity.new").done();
    bench.write(".identity.new/host.key", "half");
    assert!(bench.pki("deploy host --to identity").done().starts_with("already there, nothing done: host"));
    assert!(!bench.path(".identity.new").exists() && !bench.path(".identity.old").exists());
}

#[test]
fn nothing_is_deployed_where_others_could_exchange_it_or_something_would_be_lost() {
    let bench = Workbench::with_root();
    bench.run("chmod", "755 .").done();
    bench.pki("issue host --folder pki-2").refused(2, "pki-missing");
    bench.run("mv", "anyrole-pki pki-2").done();
    bench.pki("issue host --folder pki-2").done();
    // What, which object, and the way out.
    let refused = |to: &str, parts: &[&str]| {
        let told = bench.pki(&format!("deploy host --folder pki-2 --to {to}")).refused(1, "pki-deploy");
        let here = bench.path("").canonicalize().expect("it is there");
        let here = here.to_str().expect("UTF-8").trim_end_matches('/');
        for part in parts {
            assert!(told.contains(&part.replace("HERE", here)), "{part}: {told}");
        }
        assert!(told.contains(&format!("cannot deploy to '{to}': ")), "{told}");
    };
    refused(
        "missing/deep/identity",
        &[
            "the folder 'HERE/missing/deep' above it is not there",
            "hint: run install -d -m 755 HERE/missing/deep\n",
        ],
    );
    bench.run("mkdir", "-m 777 open").done();
    bench.run("chmod", "777 open").done();
    refused(
        "open/identity",
        &[
            "'HERE/open' above it can be changed by other users (mode 0777)",
            "hint: run chmod go-w HERE/open\n",
        ],
    );
    // Not only the folder right above.
    bench.run("mkdir", "-p -m 755 open/closed shut").done();
    refused(
        "open/closed/identity",
        &["'HERE/open' above it can be changed by other users", "hint: run chmod go-w HERE/open\n"],
    );
    bench.run("ln", "-s ../open/closed shut/link").done();
    refused("shut/link/identity", &["'HERE/open' above it can be changed by other users"]);
    bench.run("mkdir", "shared").done();
    bench.run("chmod", "1777 shared").done();
    refused(
        "shared/identity",
        &[
            "'HERE/shared' right above it can be changed by other users (mode 1777)",
            "hint: make a folder of your own in it: install -d -m 755 HERE/shared/identity.d && \
             anyrole pki deploy host --folder pki-2 --to HERE/shared/identity.d/identity\n",
        ],
    );
    bench.run("mkdir", "full").done();
    bench.write("full/other", "");
    refused(
        "full",
        &[
            "it holds 'other', which would be lost",
            "hint: give a folder for this pair alone: anyrole pki deploy host --folder pki-2 --to HERE/full/host\n",
        ],
    );
    refused("full/other", &["it is a file", "hint: run mv HERE/full/other HERE/full/other.old\n"]);
    bench.run("ln", "-s full link").done();
    refused(
        "link",
        &[
            "it is a link",
            "hint: name the folder itself: anyrole pki deploy host --folder pki-2 --to HERE/full\n",
        ],
    );
    refused("/", &["no folder that could be replaced", " --to /etc/anyrole/identity/host\n"]);
    bench.pki("deploy host --folder pki-2 --to x --mode 0644").refused(2, "flag-value");
    bench.pki("deploy host --folder pki-2 --to x --mode 0640").refused(2, "flag-value");
    bench.pki("deploy host --folder pki-2 --to x --owner no-such-user").refused(2, "flag-value");
    bench.pki("deploy host --folder pki-2").refused(2, "setting-missing");
    let told = bench.pki("deploy other --folder pki-2 --to x").refused(2, "pki-unknown-identity");
    assert!(told.contains("anyrole pki list --folder pki-2\n"), "{told}");
    assert!(!bench.path("x").exists() && bench.path("full/other").exists());
}

/// Refused are folders and links of others on the way, and what takes root; each with the command that helps.
#[test]
fn whose_folders_and_links_lead_there_matters() {
    if !is_root() || !have(&["setpriv"]) {
        eprintln!("skipped: this test makes files of another user, which needs root");
        return;
    }
    let bench = Workbench::with_root();
    bench.run("chmod", "755 .").done();
    bench.pki("issue host").done();
    let here = bench.path("").canonicalize().expect("it is there");
    let here = here.to_str().expect("UTF-8").trim_end_matches('/').to_owned();
    bench.run("mkdir", "-p -m 755 theirs/closed ours").done();
    bench.run("chown", &format!("{SERVICE} theirs")).done();
    let told = bench.pki("deploy host --to theirs/closed/identity").refused(1, "pki-deploy");
    assert!(told.contains(&format!("'{here}/theirs' above it belongs to uid {SERVICE}")), "{told}");
    assert!(told.contains(&format!("hint: run chown root {here}/theirs,")), "{told}");
    bench.run("ln", "-s ours link").done();
    bench.run("chown", &format!("-h {SERVICE} link")).done();
    let told = bench.pki("deploy host --to link/identity").refused(1, "pki-deploy");
    assert!(told.contains(&format!("the link '{here}/link' above it belongs to uid {SERVICE}")), "{told}");
    assert!(told.contains(&format!("anyrole pki deploy host --to {here}/ours/identity\n")), "{told}");

    // A user who is not root.
    bench.run("mkdir", "-m 700 mine").done();
    bench.run("cp", "-a anyrole-pki mine/pki").done();
    bench.run("chown", &format!("-R {SERVICE} mine")).done();
    let as_service =
        |arguments: &[&str]| bench.as_user(SERVICE, &[&["pki", "deploy", "host"], arguments].concat());
    let told = as_service(&["--folder", "mine/pki", "--to", "ours/identity"]).refused(1, "pki-deploy");
    assert!(told.contains(&format!("'{here}/ours' above it cannot be written by you")), "{told}");
    assert!(told.contains("sudo anyrole pki deploy host --folder mine/pki --to ours/identity "), "{told}");
    let told = as_service(&["--folder", "mine/pki", "--to", "mine/identity", "--owner", "61501"]);
    let told = told.refused(1, "pki-deploy");
    assert!(told.contains("only root can give files to another user"), "{told}");
    assert!(
        told.contains(
            "sudo anyrole pki deploy host --folder mine/pki --to mine/identity --owner 61501:61501 "
        ),
        "{told}"
    );
    as_service(&["--folder", "mine/pki", "--to", "mine/identity"]).done();
}

#[test]
fn root_reads_nothing_that_another_user_s_link_points_to() {
    if !is_root() {
        eprintln!("skipped: this test makes files of another user, which needs root");
        return;
    }
    let bench = Workbench::with_root();
    bench.run("chmod", "755 .").done();
    bench.pki("issue host").done();
    bench.run("cp", "-a anyrole-pki secret").done();
    bench.run("mkdir", "-m 700 home").done();
    bench.run("mv", "anyrole-pki home/pki").done();
    bench.run("chown", &format!("-R {SERVICE} home")).done();
    let deploy = |folder: &str| bench.pki(&format!("deploy host --to identity --folder {folder}"));
    deploy("home/pki").done();
    bench.run("rm", "-r identity").done();
    let here = bench.path("");
    let here = here.to_str().expect("UTF-8").trim_end_matches('/');

    // A file, then the folder of the identity, then the PKI's folder.
    bench.run("ln", &format!("-sf {here}/secret/host/host.key home/pki/host/host.key")).done();
    let told = deploy("home/pki").refused(1, "pki-deploy");
    assert!(told.contains(&format!("'home/pki/host/host.key' is a link of uid {SERVICE}'s")), "{told}");
    assert!(
        told.contains(&format!(
            "rm home/pki/host/host.key && cp -R {here}/secret/host/host.key home/pki/host/host.key"
        )),
        "{told}"
    );
    bench.run("rm", "home/pki/host/host.key").done();
    bench.run("cp", "secret/host/host.key home/pki/host/host.key").done();
    let told = deploy("home/pki").refused(1, "pki-deploy");
    assert!(
        told.contains(&format!("belongs to root, and the folder that it is in to uid {SERVICE}")),
        "{told}"
    );
    assert!(
        told.contains(&format!("hint: if the file is right, run chown {SERVICE} home/pki/host/host.key\n")),
        "{told}"
    );
    bench.run("chown", &format!("{SERVICE} home/pki/host/host.key")).done();
    deploy("home/pki").done();
    bench.run("rm", "-r home/pki/host identity").done();
    bench.run("ln", &format!("-s {here}/secret/host home/pki/host")).done();
    let told = deploy("home/pki").refused(1, "pki-deploy");
    assert!(told.contains("'home/pki/host' is a link of"), "{told}");
    bench.run("ln", &format!("-s {here}/secret home/away")).done();
    bench.run("chown", &format!("-h {SERVICE} home/away")).done();
    let told = deploy("home/away").refused(1, "pki-deploy");
    assert!(told.contains("/home/away' on the way to it is a link of"), "{told}");
    assert!(told.contains("name the folder itself: anyrole pki deploy host --folder "), "{told}");
    assert!(!bench.path("identity").exists());
    // Root's own links are root's word.
    bench.run("ln", "-s secret own").done();
    deploy("own").done();
}

/// A request, another CA's answer, and a session with it.
#[test]
fn a_request_goes_to_another_ca_and_comes_back() {
    if !have(&["openssl"]) {
        return;
    }
    let bench = Workbench::with_root();
    bench.run("chmod", "700 .").done();
    let told = bench.pki("request build --folder here --subject CN=build,O=TEST --dns build.example").done();
    assert!(told.contains("anyrole pki install build --certificate FILE --folder here\n"), "{told}");
    assert_eq!(fs::metadata(bench.path("here/build/build.key")).expect("a key").mode() & 0o777, 0o600);
    let shown = bench.run("openssl", "req -in here/build/build.csr -noout -text -verify");
    let text = shown.stdout + &shown.stderr;
    for part in ["self-signature verify OK", "O=TEST", "CN=build", "DNS:build.example"] {
        assert!(text.replace(" = ", "=").contains(part), "{part}: {text}");
    }
    bench.pki("request build --folder here").refused(2, "pki-name-taken");

    // The CA is ours, and openssl signs.
    bench.write("v3", "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\nbasicConstraints=critical,CA:FALSE\n");
    let sign = "x509 -req -in here/build/build.csr -CA anyrole-pki/ca/root.pem -CAkey anyrole-pki/ca/root.key \
                -days 2 -set_serial 4711 -sha256 -extfile v3 -out answer.pem";
    assert_eq!(bench.run("openssl", sign).status, 0);
    bench.pki("install build --folder here --certificate answer.pem").done();
    let simulator = bench.simulator("anyrole-pki/ca/root.pem");
    bench.session(&simulator, "here/build/build.pem", "here/build/build.key").done();
    // Another certificate of the same key, while the pair stays.
    bench.pki("request build --folder here --reuse-key").done();
    bench.session(&simulator, "here/build/build.pem", "here/build/build.key").done();
}

#[test]
fn what_is_replaced_keeps_its_names_and_its_days() {
    let bench = Workbench::with_root();
    bench.pki("issue host --subject CN=build,O=TEST --dns build.example --days 3").done();
    let told = bench.pki("issue host --replace").done();
    assert!(
        told.contains("  subject      'CN=build,O=TEST', kept\n  also         dns:build.example, kept\n"),
        "{told}"
    );
    assert!(
        told.contains("in 3 days") || told.contains("in 2 days") || told.contains("in 71 hours"),
        "{told}"
    );
    let told = bench.pki("issue host --replace --subject CN=other").done();
    assert!(
        told.contains("  subject      'CN=other', given\n  also         dns:build.example, kept\n"),
        "{told}"
    );
    // Only the kind that is given is replaced.
    let also = |told: &str| {
        let lines = told.lines().filter_map(|line| line.strip_prefix("  also         ").map(str::to_owned));
        lines.collect::<Vec<_>>()
    };
    let told = bench.pki("issue host --replace --uri urn:one --uri urn:two").done();
    assert_eq!(also(&told), ["dns:build.example, kept", "uri:urn:one, given", "uri:urn:two, given"]);
    let told = bench.pki("issue host --replace --dns other.example").done();
    assert_eq!(also(&told), ["dns:other.example, given", "uri:urn:one, kept", "uri:urn:two, kept"]);
    let told = bench.pki("issue host --replace --uri urn:three").done();
    assert_eq!(also(&told), ["dns:other.example, kept", "uri:urn:three, given"]);
    assert_eq!(also(&bench.pki("issue host --replace").done()).len(), 2, "the register has them too");
    let warned = bench.pki("issue odd --uri urn:a,b").done();
    assert!(
        warned.contains("  warning      x509SAN/URI is no session tag, and no trust policy can compare it"),
        "{warned}"
    );
    bench.pki("issue bad --dns a..b").refused(2, "pki-alternative-name");
    bench.pki("issue bad --uri nonsense").refused(2, "pki-alternative-name");
}

#[test]
fn a_folder_that_may_not_be_read_is_no_missing_pki() {
    if !is_root() || !have(&["setpriv"]) {
        eprintln!("skipped: this test becomes another user, which needs root");
        return;
    }
    let bench = Workbench::with_root();
    bench.run("chmod", "755 .").done();
    bench.write("a.csr", "");
    for command in [
        "crl",
        "deploy host --to identity",
        "init --no-passphrase",
        "install host --certificate a.csr",
        "issue host",
        "issue host --replace",
        "list",
        "renew host",
        "renew host --check",
        "request host",
        "revoke host",
    ] {
        let words: Vec<_> = std::iter::once("pki").chain(command.split(' ')).collect();
        let answer = bench.as_user(SERVICE, &words);
        // What would be written there cannot be, and is another user's.
        let id = if command.starts_with("request") { "file-not-written" } else { "file-unreadable" };
        let told = answer.refused(1, id);
        assert!(told.contains("'anyrole-pki'"), "{command}: {told}");
        assert!(id == "file-not-written" || told.contains("ermission denied"), "{command}: {told}");
    }
}

/// Every way out is a command for this identity and this PKI.
#[test]
fn hints_carry_the_name_and_the_folder() {
    let bench = Workbench::with_root();
    bench.run("mv", "anyrole-pki here").done();
    let hint = |status: i32, id: &str, arguments: &str| {
        let told = bench.pki(&format!("{arguments} --folder here")).refused(status, id);
        told.lines().find_map(|line| line.strip_prefix("anyrole: hint: ")).unwrap_or_default().to_owned()
    };
    bench.pki("issue host --folder here").done();
    for (status, id, arguments, command) in [
        (2, "pki-exists", "init --no-passphrase", "anyrole pki issue NAME --folder here"),
        (2, "pki-name-taken", "issue host", "anyrole pki issue host --folder here --replace"),
        (2, "pki-name-taken", "request host", "anyrole pki request host --folder here --reuse-key"),
        (2, "pki-key-missing", "install a --certificate x", "anyrole pki request a --folder here"),
        (2, "pki-unknown-certificate", "revoke a", "anyrole pki list --folder here"),
        (2, "pki-unknown-identity", "renew a", "anyrole pki list --folder here"),
    ] {
        let told = hint(status, id, arguments);
        assert!(told.contains(command), "{arguments}: {told}");
    }
    bench.pki("revoke host --folder here").done();
    assert!(hint(1, "pki-revoked", "renew host").contains("anyrole pki issue host --folder here --replace"));
    bench.run("rm", "here/host/host.key").done();
    let told = hint(1, "pki-key-elsewhere", "deploy host --to x");
    assert!(told.contains("anyrole pki renew host --folder here --reuse-key"), "{told}");
    let told = bench.pki("issue host --folder nowhere").refused(2, "pki-missing");
    assert!(told.contains("anyrole pki init --folder nowhere,"), "{told}");
}

/// A person mistypes twice.
#[test]
fn a_passphrase_is_asked_for_three_times() {
    if !have(&["script"]) {
        return;
    }
    let bench = Workbench::empty();
    bench.write("passphrase", "right");
    bench.run("chmod", "600 passphrase").done();
    bench.pki("init --passphrase-file passphrase").done();
    let typed = |answers: &str| {
        let program = env!("CARGO_BIN_EXE_anyrole");
        let call = format!("{program} pki issue host --replace");
        // What is typed ahead waits in the terminal, a line for each question.
        let script = format!("printf '%s\\n' {answers} | script -qec '{call}' /dev/null");
        let mut shell = bench.in_here(Path::new("sh"));
        let output = shell.args(["-c", &script]).output().expect("a shell");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let told = typed("wrong wrong right");
    assert!(told.contains("that passphrase is wrong") && told.contains("issued host"), "{told}");
    let told = typed("wrong wrong wrong");
    assert!(told.contains("[pki-") && !told.contains("issued host"), "{told}");
}
