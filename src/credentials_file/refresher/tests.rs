//! A day of a profile, by a clock that the test sets.
#![expect(clippy::disallowed_methods, reason = "a test plays the other programs")]

use std::path::PathBuf;
use std::sync::Mutex;

use super::*;
use crate::cache::example_entry;
use crate::diagnostic::Fault;
use crate::env::Environment;

#[derive(Debug, thiserror::Error)]
#[error("the network is down")]
struct Down;

impl Diagnostic for Down {
    fn id(&self) -> &'static str {
        "network-failed"
    }
    fn fault(&self) -> Fault {
        Fault::Unreachable
    }
}

/// A clock that the test sets, and a service that it can take down.
#[derive(Debug, Default)]
struct World {
    seconds: Mutex<i64>,
    calls: Mutex<u32>,
    is_down: Mutex<bool>,
    next_try: Mutex<Option<Timestamp>>,
}

impl World {
    fn calls(&self) -> u32 {
        *self.calls.lock().unwrap()
    }
}

/// The world in the roles of clock and source.
#[derive(Debug)]
struct Of(Arc<World>);

impl Clock for Of {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(
            example_entry().created_at.unix_seconds() + *self.0.seconds.lock().unwrap(),
        )
    }
}

impl Source for Of {
    fn session(&self) -> Obtained {
        let mut calls = self.0.calls.lock().unwrap();
        *calls += 1;
        if *self.0.is_down.lock().unwrap() {
            let next_try = *self.0.next_try.lock().unwrap();
            return Obtained { entry: None, problem: Some(Box::new(Down)), next_try };
        }
        let mut entry = example_entry();
        entry.created_at = self.now();
        entry.usable_until = entry.created_at.plus(Duration::from_secs(3600));
        entry.credential_set.credentials.access_key_id = format!("ASIA{:016}", *calls);
        Obtained { entry: Some(entry), problem: None, next_try: None }
    }
}

struct Scene {
    _folder: tempfile::TempDir,
    path: PathBuf,
    world: Arc<World>,
    refresher: ProfileRefresher,
}

impl Scene {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".aws/credentials");
        let home = folder.path().to_str().unwrap();
        let file = AwsFile::locate(
            crate::aws_file::Kind::Credentials,
            &Environment::given([("HOME", home), ("USERPROFILE", home)]),
        )
        .unwrap();
        assert_eq!(file.path(), path);
        let world = Arc::new(World::default());
        let clock = Arc::new(Of(Arc::clone(&world)));
        let source = Box::new(Of(Arc::clone(&world)));
        let profile = Section::plain("deploy").unwrap();
        let refresher = ProfileRefresher::new(file, profile, source, clock, Arc::default());
        Self { _folder: folder, path, world, refresher }
    }

    /// Steps at that second; returns the events and the seconds to wait.
    fn at(&mut self, seconds: i64) -> (Vec<String>, u64) {
        *self.world.seconds.lock().unwrap() = seconds;
        let (events, wait) = self.refresher.step();
        let told = events.iter().map(|event| match event {
            Event::Failed { problem, next } => format!("{} {}", problem.id(), next.as_secs()),
            Event::Wrote { access_key_id, .. } => {
                access_key_id.trim_start_matches("ASIA000000000000").to_owned()
            }
        });
        (told.collect(), wait.as_secs())
    }

    fn content(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }
}

fn told(events: &[&str], wait: u64) -> (Vec<String>, u64) {
    (events.iter().map(|event| String::from(*event)).collect(), wait)
}

#[test]
fn a_session_is_renewed_at_half_of_its_lifetime() {
    let mut scene = Scene::set();
    assert_eq!(scene.at(0), told(&["0001"], 15));
    assert_eq!(scene.at(15), told(&[], 15));
    assert_eq!(scene.at(1790), told(&[], 11));
    assert_eq!(scene.at(1801), told(&["0002"], 15));
    assert_eq!(scene.world.calls(), 2);
    assert!(scene.content().starts_with("[deploy]\naws_access_key_id = ASIA0000000000000002\n"));
}

#[test]
fn a_failure_backs_off_and_leaves_the_file_and_the_session_in_it() {
    let mut scene = Scene::set();
    assert_eq!(scene.at(0).0, ["0001"]);
    let before = scene.content();
    *scene.world.is_down.lock().unwrap() = true;
    assert_eq!(scene.at(1801), told(&["network-failed 5"], 5));
    assert_eq!(scene.at(1803), told(&[], 3));
    assert_eq!(scene.at(1806), told(&["network-failed 10"], 10));
    assert_eq!(scene.at(1816), told(&["network-failed 20"], 15));
    // Expired, but the file is left alone.
    assert_eq!(scene.at(5000), told(&["network-failed 40"], 15));
    assert_eq!(scene.content(), before);
    // The source's own time for the next try is respected, within reason.
    *scene.world.next_try.lock().unwrap() = Some(example_entry().created_at.plus(Duration::from_secs(5640)));
    assert_eq!(scene.at(5040), told(&["network-failed 600"], 15));
    let calls = scene.world.calls();
    assert_eq!(scene.at(5600), told(&[], 15));
    assert_eq!(scene.world.calls(), calls);
    *scene.world.is_down.lock().unwrap() = false;
    scene.refresher.check_now();
    assert_eq!(scene.at(5601).0.len(), 1);
    assert!(scene.content() != before);
}

#[test]
fn a_file_that_somebody_changed_holds_the_session_again() {
    let mut scene = Scene::set();
    assert_eq!(scene.at(0).0, ["0001"]);
    let before = scene.content();
    std::fs::write(&scene.path, "[other]\nregion = x\n").unwrap();
    assert_eq!(scene.at(15), told(&["0001"], 15));
    assert_eq!(scene.content(), format!("[other]\nregion = x\n\n{before}"));
    std::fs::remove_file(&scene.path).unwrap();
    assert_eq!(scene.at(30).0, ["0001"]);
    assert_eq!(scene.content(), before);
    // An unrelated change is left alone.
    std::fs::write(&scene.path, format!("{before}# mine\n")).unwrap();
    assert_eq!(scene.at(45), told(&[], 15));
    assert_eq!(scene.content(), format!("{before}# mine\n"));
    assert_eq!(scene.world.calls(), 1);
}

#[test]
fn a_file_that_cannot_be_written_costs_no_new_session() {
    let mut scene = Scene::set();
    std::fs::create_dir_all(&scene.path).unwrap();
    let (events, wait) = scene.at(0);
    assert_eq!((events.as_slice(), wait), ([String::from("file-not-written 5")].as_slice(), 5));
    assert_eq!(scene.at(5).0, ["file-not-written 10"]);
    std::fs::remove_dir(&scene.path).unwrap();
    assert_eq!(scene.at(15), told(&["0001"], 15));
    assert_eq!(scene.world.calls(), 1);
}

#[test]
fn a_clock_that_was_set_back_makes_a_session_due_and_ends_no_pause_late() {
    let mut scene = Scene::set();
    assert_eq!(scene.at(0).0, ["0001"]);
    assert_eq!(scene.at(-3600).0, ["0002"]);
    *scene.world.is_down.lock().unwrap() = true;
    assert_eq!(scene.at(0).0, ["network-failed 5"]);
    *scene.world.is_down.lock().unwrap() = false;
    assert_eq!(scene.at(-7200).0, ["0004"]);
}

/// A write in progress delays the end of the program; after that nothing is written.
#[test]
fn nothing_is_written_once_the_gate_is_closed() {
    let mut scene = Scene::set();
    scene.refresher.gate.close();
    assert_eq!(scene.at(0), told(&[], 15));
    assert!(!scene.path.exists());
}
