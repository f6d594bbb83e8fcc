//! The program on hosts as they are: limits that are too small, homes that are missing, broken or nobody's. It ends with an answer
//! or an error of its own, never by a signal or a panic.
#![cfg(all(unix, feature = "pki"))]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::stage::Stage;

/// Open files with which a call that asks AWS always succeeds, the standard streams included.
const ENOUGH: u32 = 12;

/// Open files with which it never succeeds: the runtime alone needs more. In between it depends on which of the resolver's and the
/// runtime's descriptors are open at the same moment.
const TOO_FEW: u32 = 8;

/// Runs a command under a limit of the shell's `ulimit`.
fn limited(command: &Command, limit: &str) -> Output {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("{limit} && exec \"$0\" \"$@\""));
    shell.arg(command.get_program()).args(command.get_args()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.output().unwrap()
}

#[test]
fn too_few_open_files_are_an_error_that_names_the_limit() {
    let stage = Stage::set();
    let uncached = stage.credential_process(stage.http_endpoint(), &["--no-cache"]);
    for limit in 4..ENOUGH {
        let done = limited(&uncached, &format!("ulimit -n {limit}"));
        let told = String::from_utf8(done.stderr).unwrap();
        if limit > TOO_FEW && done.status.success() {
            continue;
        }
        assert_eq!(done.status.code(), Some(1), "{limit}: {told}");
        assert!(done.stdout.is_empty(), "{limit}");
        assert!(told.starts_with("anyrole: error: "), "{limit}: {told}");
        assert!(!told.contains("[panic]") && !told.contains(".rs"), "{limit}: {told}");
        assert!(told.contains("oo many open files"), "{limit}: {told}");
        if told.contains("[runtime]") {
            assert!(told.contains(&format!("may have {limit} at once (RLIMIT_NOFILE)")), "{told}");
            assert!(told.contains("LimitNOFILE="), "{told}");
        }
    }
    let done = limited(&uncached, &format!("ulimit -n {ENOUGH}"));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_file_that_may_not_be_written_costs_the_cache_and_not_the_answer() {
    let stage = Stage::set();
    for _ in 0..2 {
        let call = stage.credential_process(stage.http_endpoint(), &["--cache", "file"]);
        let done = limited(&call, "ulimit -f 0");
        assert!(done.status.success(), "{}: {}", done.status, String::from_utf8_lossy(&done.stderr));
        assert!(done.stdout.starts_with(br#"{"Version":1,"#));
    }
    assert_eq!(stage.journal().len(), 2);
}

/// The standard streams too may be files, as in cron jobs and units with `StandardOutput=file:`.
#[test]
fn a_stream_that_may_not_be_written_is_an_error_and_no_signal() {
    let stage = Stage::set();
    let call = stage.credential_process(stage.http_endpoint(), &["--cache", "file"]);
    let (output, told) = (stage.write("output", ""), stage.write("told", ""));
    let done = limited(&call, &format!("ulimit -f 0 && exec > '{output}'"));
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{}: {said}", done.status);
    assert!(said.starts_with("anyrole: error: cannot write to the standard output [output]"), "{said}");
    assert!(said.contains("ulimit -f, LimitFSIZE="), "{said}");
    let done = limited(&call, &format!("ulimit -f 0 && exec > '{output}' 2>> '{told}'"));
    assert_eq!(done.status.code(), Some(1), "{}", done.status);
    assert_eq!(fs::metadata(output).unwrap().len() + fs::metadata(told).unwrap().len(), 0);
}

/// Runs a command where `/dev/shm` is its own, as far as the caller may mount: a state folder there is the last resort, and stays.
fn without_shared_memory(command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(
        "if [ \"$(id -u)\" = 0 ] && unshare --mount true 2> /dev/null; then \
         exec unshare --mount sh -c 'mount -t tmpfs none /dev/shm; exec \"$0\" \"$@\"' \"$0\" \"$@\"; \
         else exec \"$0\" \"$@\"; fi",
    );
    shell.arg(command.get_program()).args(command.get_args()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

/// Calls twice with that home; both get an answer, and nothing is told.
fn calls_succeed(arrangement: &str, home: &Path) {
    let stage = Stage::set();
    for _ in 0..2 {
        let mut call = without_shared_memory(&stage.credential_process(stage.http_endpoint(), &[]));
        let done = call.env("HOME", home).stdout(std::process::Stdio::piped()).output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arrangement}: {}: {told}", done.status);
        assert!(done.stdout.starts_with(br#"{"Version":1,"#) && told.is_empty(), "{arrangement}: {told}");
    }
    let listed =
        without_shared_memory(&stage.anyrole(&["cache", "list"])).env("HOME", home).output().unwrap();
    assert!(
        listed.status.code().is_some_and(|code| code < 2),
        "{arrangement}: cache list: {}",
        listed.status
    );
}

#[test]
fn a_home_with_links_that_lead_nowhere_costs_the_cache_and_not_the_answer() {
    for below in [".local", ".local/state", ".local/state/anyrole", ".config", ".config/anyrole"] {
        for target in ["/nonexistent/disk", "loop"] {
            let home = tempfile::tempdir().unwrap();
            let link = home.path().join(below);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            if target == "loop" && below.starts_with(".config") {
                // That is a configuration which cannot be read, and told.
                continue;
            }
            let target = if target == "loop" { link.as_path() } else { Path::new(target) };
            symlink(target, &link).unwrap();
            calls_succeed(&format!("{below} -> {}", target.display()), home.path());
        }
    }
}

#[test]
fn a_file_where_a_folder_should_be_costs_the_cache_and_not_the_answer() {
    for below in [".local", ".local/state", ".local/state/anyrole"] {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(below);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        calls_succeed(below, home.path());
    }
}

#[test]
fn a_home_where_no_folder_can_be_made_costs_the_cache_and_not_the_answer() {
    for home in ["/proc", "/proc/self", "/proc/1/no/such/folder", "/dev/null", "/nonexistent", "/", ""] {
        calls_succeed(home, Path::new(home));
    }
}

/// A deadline says what was waited for: here a server that takes connections and never speaks TLS.
#[test]
fn a_deadline_names_the_phase() {
    let stage = Stage::set();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", silent.local_addr().unwrap());
    let output = stage
        .credential_process(endpoint, &["--no-cache", "--timeout", "1s", "--ca-bundle", stage.server_ca()])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let said = "no session within 1 second: the connection to 127.0.0.1 was not established [deadline]";
    assert!(told.contains(said), "{told}");
}

/// Each file that a call reads, denied by itself or by a folder on the way: whose it is, who asks, and what an administrator runs.
#[test]
fn a_denied_file_is_told_with_its_owner_and_the_cure() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can ask as another user");
        return;
    }
    const USER: u32 = 61_600;
    let stage = Stage::set();
    let file = |name: &str| stage.write(name, &fs::read_to_string(stage.certificate()).unwrap());
    let (certificate, intermediates, bundle) = (file("c.pem"), file("i.pem"), file("b.pem"));
    let config = stage.write("config.toml", "version = 1\n");
    let home = Path::new(stage.certificate()).parent().unwrap().to_owned();
    let open = |path: &Path, mode: u32| {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    let ask = |more: &[&str]| {
        let mut call = stage.credential_process(stage.https_endpoint(), &["--no-cache"]);
        call.args(more);
        std::os::unix::process::CommandExt::uid(&mut call, USER);
        let told =
            String::from_utf8(call.env("HOME", "/").current_dir("/").output().unwrap().stderr).unwrap();
        told.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let whose = "permission denied to 61600: it belongs to root, mode 0600";
    let cure =
        |command: String| format!("anyrole: hint: an administrator can let 61600 read it with '{command}'");

    // The folder of all of them is root's alone.
    open(&home, 0o700);
    let told = ask(&[]);
    assert!(
        told[0].contains(&format!("the folder '{}' belongs to root, mode 0700", home.display())),
        "{told:#?}"
    );
    assert_eq!(told.last(), Some(&cure(format!("setfacl -m u:61600:x {}", home.display()))));

    open(&home, 0o755);
    let key = stage.private_key();
    // These are read after the key, or not at all without it.
    let reads_key = |flag: &str| matches!(flag, "--ca-bundle" | "--intermediates");
    for (flag, path) in [
        ("--private-key", key),
        ("--certificate", certificate.as_str()),
        ("--intermediates", intermediates.as_str()),
        ("--config", config.as_str()),
        ("--ca-bundle", bundle.as_str()),
    ] {
        if reads_key(flag) {
            fs::copy(key, home.join("own.key")).unwrap();
            std::os::unix::fs::chown(home.join("own.key"), Some(USER), None).unwrap();
        }
        let own = home.join("own.key");
        let own = ["--private-key", own.to_str().unwrap()];
        let told = ask(&[&[flag, path][..], if reads_key(flag) { &own } else { &[] }].concat());
        let text = told.join(" ");
        assert!(text.contains(path) && text.contains(whose), "{flag}: {told:#?}");
        assert_eq!(told.last(), Some(&cure(format!("setfacl -m u:61600:r {path}"))), "{flag}");
    }

    // A key of another user: its file may not be opened to a second one.
    std::os::unix::fs::chown(key, Some(61_700), None).unwrap();
    let told = ask(&[]);
    assert!(told[0].contains("it belongs to uid 61700, mode 0600"), "{told:#?}");
    assert_eq!(told.last(), Some(&cure(format!("install -o 61600 -m 0600 {key} COPY"))));
}
