//! What is written, and that nothing is lost: killed at any moment, without room, and by twenty at once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::*;

/// Kills in the test; `ANYROLE_TEST_KILLS=1000` is the long form.
const KILLS: u32 = 40;

#[test]
fn a_profile_is_written_and_every_other_byte_stays() {
    let stage = Stage::set();
    let path = kept_file(&stage);
    set_mode(&path, 0o640);
    let (done, told) = run(&mut update(&stage, &["--once"]));
    assert!(done.status.success(), "{told}");
    assert_eq!(told, "anyrole: the session is in place of the static access key AKIAEXAMPLEEXAMPLE01\n");
    let content = fs::read_to_string(&path).unwrap();
    let without_old =
        KEPT.replace("aws_access_key_id = AKIAEXAMPLEEXAMPLE01\naws_secret_access_key = old\n", "");
    assert_eq!(others(&content), without_old);
    assert!(value(&content, "default", "aws_access_key_id").starts_with("ASIA"));
    assert!(value(&content, "default", "aws_session_token").len() > 20);
    assert_eq!(mode(&path), 0o640);

    // Once more, with the session of the cache: not a byte, not even another file.
    let before = fs::metadata(&path).unwrap();
    let (done, told) = run(&mut update(&stage, &["--once"]));
    assert!(done.status.success() && told.is_empty(), "{told}");
    let after = fs::metadata(&path).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
    assert_eq!(stage.journal().len(), 1);

    // As many runs as you like are one section; U7 made a second one of `[ next ]`.
    for _ in 0..3 {
        let (done, told) = run(&mut update(&stage, &["--once", "--no-cache", "--profile", "next"]));
        assert!(done.status.success(), "{told}");
    }
    let content = fs::read_to_string(&path).unwrap();
    assert!(value(&content, "next", "aws_access_key_id").starts_with("ASIA"));
    assert!(content.ends_with("[last]\nregion = eu-west-1"), "U5 lost the last line: {content}");
}

/// As AWS documents the official helper, and under its name; U8 made a folder that its owner could not enter.
#[test]
fn a_first_run_makes_the_folder_and_the_file() {
    let stage = Stage::set();
    let program = stage.state_folder().ancestors().nth(3).unwrap().join("aws_signing_helper");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_anyrole"), &program).unwrap();
    let of = update(&stage, &["--once=true", "--profile", "ra", "--session-duration", "0x384"]);
    for umask in ["000", "022", "777"] {
        let folder = credentials(&stage).parent().unwrap().to_owned();
        let _ = fs::remove_dir_all(&folder);
        let _ = fs::remove_dir_all(stage.state_folder());
        let mut shell = stage.bare("/bin/sh");
        shell.args(["-c", "umask \"$0\"; exec \"$@\"", umask]).arg(&program).args(of.get_args());
        let (done, told) = run(shell.env("ANYROLE_CACHE", "file"));
        assert!(done.status.success(), "{umask}: {told}");
        assert_eq!((mode(&folder), mode(&folder.join("credentials"))), (0o700, 0o600), "umask {umask}");
        assert_eq!(names(&folder), ["credentials"], "nothing is left beside it");
        let content = fs::read_to_string(folder.join("credentials")).unwrap();
        assert!(content.starts_with("[ra]\naws_access_key_id = ASIA"), "{content}");
    }
}

/// D5b: HOME is needed only where the file is looked for there.
#[test]
fn the_variable_names_the_file_and_home_is_not_needed() {
    let stage = Stage::set();
    let path = stage.write("job", "[default]\naws_security_token = older\naws_account_id = 444455556666\n");
    let mut command = update(&stage, &["--once"]);
    command
        .env_remove("HOME")
        .env("AWS_SHARED_CREDENTIALS_FILE", &path)
        .env("ANYROLE_STATE_DIR", stage.state_folder());
    // D13: what the SDKs' variables say does not matter.
    command.env("AWS_PROFILE", "missing").env("AWS_CONFIG_FILE", "/nonexistent");
    let (done, told) = run(&mut command);
    assert!(done.status.success() && told.is_empty(), "{told}");
    let content = fs::read_to_string(&path).unwrap();
    assert!(!content.contains("aws_security_token"), "botocore prefers the older name: {content}");
    assert_eq!(value(&content, "default", "aws_account_id"), "111122223333");
    // The home folder in the variable, as the SDKs expand it.
    let (done, told) = run(update(&stage, &["--once"]).env("AWS_SHARED_CREDENTIALS_FILE", "~/of-home"));
    assert!(done.status.success(), "{told}");
    assert!(Path::new(&path).with_file_name("of-home").exists());
}

/// U1: killed at the write, the official helper leaves 0 of 163 bytes.
#[test]
fn killed_at_any_moment_it_loses_nothing() {
    let stage = Stage::set();
    let path = kept_file(&stage);
    let folder = path.parent().unwrap();
    let begun = Instant::now();
    let (done, told) = run(&mut update(&stage, &["--once", "--no-cache"]));
    assert!(done.status.success(), "{told}");
    let whole = begun.elapsed();
    let rest = others(&fs::read_to_string(&path).unwrap());
    let kills = std::env::var("ANYROLE_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let (mut random, mut written, mut seen) = (4711_u64, 0, BTreeSet::new());
    for kill in 0..kills {
        let mut child = update(&stage, &["--once", "--no-cache"]).stderr(Stdio::null()).spawn().unwrap();
        // At any moment; and each second time just when the new file is there.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = whole.mul_f64((random >> 33) as f64 / f64::from(u32::MAX >> 1) * 1.1);
        let begun = Instant::now();
        if kill % 2 == 0 {
            std::thread::sleep(moment);
        } else {
            let writes = || names(folder).iter().any(|name| name.starts_with(".credentials.anyrole-"));
            while begun.elapsed() < whole * 3 && child.try_wait().unwrap().is_none() && !writes() {}
            std::thread::sleep(Duration::from_micros(random >> 53));
        }
        // It may have ended already.
        let _ = child.kill();
        child.wait().unwrap();
        let content = fs::read_to_string(&path).unwrap();
        assert_eq!(others(&content), rest, "kill {kill}");
        let id = value(&content, "default", "aws_access_key_id");
        for key in ["aws_secret_access_key", "aws_session_token"] {
            assert!(value(&content, "default", key).len() > 20, "kill {kill}");
        }
        written += u32::from(seen.insert(id));
        assert!(
            names(folder).len() <= 2,
            "what a killed one left goes with the next write: {:?}",
            names(folder)
        );
    }
    eprintln!("{kills} killed, {written} of them after the write");
    // Nobody is in the way of the next, and nothing is left.
    let (done, told) = run(&mut update(&stage, &["--once", "--no-cache"]));
    assert!(done.status.success(), "{told}");
    assert_eq!(names(folder), ["credentials"]);
}

/// U3 and U4: of 20 writers 2 were left, and 2 % of the readers saw a file without the profile.
#[test]
fn twenty_writers_are_twenty_profiles_and_no_reader_misses_one() {
    let stage = Stage::set();
    let path = kept_file(&stage);
    let (done, told) = run(&mut update(&stage, &["--once"]));
    assert!(done.status.success(), "{told}");
    let is_over = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let (mut reads, mut profiles) = (0, 0);
                    while !is_over.load(Ordering::Relaxed) {
                        let content = fs::read_to_string(&path).unwrap();
                        assert!(value(&content, "default", "aws_session_token").len() > 20);
                        assert!(content.starts_with(KEPT.lines().next().unwrap()));
                        let found = content.matches("[p").count();
                        assert!(found >= profiles, "a profile was there, and is gone");
                        (reads, profiles) = (reads + 1, found);
                    }
                    reads
                })
            })
            .collect();
        let writers: Vec<_> = (0..20)
            .map(|writer| {
                let profile = format!("p{writer}");
                update(&stage, &["--once", "--profile", &profile]).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for writer in writers {
            let output = writer.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        is_over.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u32>()
    });
    let content = fs::read_to_string(&path).unwrap();
    for writer in 0..20 {
        assert!(value(&content, &format!("p{writer}"), "aws_access_key_id").starts_with("ASIA"));
    }
    assert!(reads > 20, "{reads}");
    eprintln!("{reads} reads");
    assert_eq!(names(path.parent().unwrap()), ["credentials"]);
}

/// U2: without room, 0 bytes were left, and the exit status was 0.
#[test]
fn without_room_or_right_the_file_stays_and_the_reason_is_told() {
    let stage = Stage::set();
    let path = kept_file(&stage);
    let folder = path.parent().unwrap().to_str().unwrap().to_owned();
    let of = update(&stage, &["--once"]);
    let on_another_host = |prepare: &str| {
        let script = format!(
            "set -eu; folder=$0; kept=$1; shift; {prepare}\nstatus=0; \"$@\" || status=$?; cmp \"$kept\" \"$folder/credentials\"; ls -A \"$folder\"; exit $status"
        );
        let mut unshare = stage.bare("/usr/bin/unshare");
        unshare.args(["--mount", "--propagation", "private", "sh", "-c", &script, &folder]);
        unshare
            .arg(stage.write("kept", KEPT))
            .arg(of.get_program())
            .args(of.get_args())
            .env("ANYROLE_CACHE", "none");
        let output = unshare.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), told)
    };
    // More than this process may write.
    let mut shell = stage.bare("/bin/sh");
    shell.args(["-c", "ulimit -f 0; exec \"$@\"", "sh"]).arg(of.get_program()).args(of.get_args());
    let output = shell.env("ANYROLE_CACHE", "none").stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    // A file's standard error would be cut off by the same limit; a pipe is not.
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("[file-not-written]") && told.contains("this process may write files of 0"),
        "{told}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), KEPT);
    assert_eq!(names(Path::new(&folder)), ["credentials"]);

    if !is_root() {
        eprintln!("skipped: file systems can be mounted by root only");
        return;
    }
    let full = "mount -t tmpfs -o size=12k,mode=755 none \"$folder\"; cp \"$kept\" \"$folder/credentials\"; chmod 600 \"$folder/credentials\"
        dd if=/dev/zero of=\"$folder/fill\" bs=4k 2>/dev/null || true";
    let (status, seen, told) = on_another_host(full);
    assert_eq!((status, seen.as_str()), (Some(1), "credentials\nfill\n"), "{told}");
    assert!(told.contains("no space is left on the device [file-not-written]"), "{told}");

    let read_only = "mount --bind \"$folder\" \"$folder\"; mount -o remount,bind,ro \"$folder\"";
    let (status, seen, told) = on_another_host(read_only);
    assert_eq!((status, seen.as_str()), (Some(1), "credentials\n"), "{told}");
    assert!(told.contains("the file system is read-only [file-not-written]"), "{told}");
}
