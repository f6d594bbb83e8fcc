//! The page in a real browser, Chromium: its policy stops what is not its own, and its filters filter.

use std::process::Command;

use crate::audit::corpus::{Random, decoys, plant, write};
use crate::audit::{audit, run};
use crate::support::components::have;

/// Opens a page and returns what the browser made of it, and what it complained about.
pub(crate) fn opened(folder: &std::path::Path, page: &str) -> (String, String) {
    let mut browser = Command::new("chromium");
    browser.current_dir(folder).env("HOME", folder).env("XDG_RUNTIME_DIR", folder);
    browser.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
    ]);
    browser.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    browser.args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000", "--dump-dom"]);
    let output = browser.arg(format!("file://{}/{page}", folder.display())).output().unwrap();
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn the_page_works_in_a_browser() {
    if !have(&["chromium"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut random = Random::new(31);
    let planted = plant(&root.join("host"), &mut random);
    decoys(&root.join("host"), &mut random);
    // A name that is a script, and one that would close what stands around it.
    let id = random.id("AKIA", 111_122_223_333);
    write(
        root,
        "host/<img src=x onerror=alert(1)>",
        format!("</td></table><script>alert(1)</script>={id}\n").as_bytes(),
    );
    assert_eq!(run(audit(root).args(["--html", "page.html", "host"])).status.code(), Some(1));
    let (seen, complaints) = opened(root, "page.html");
    let all = planted.len() + 1;
    // The script ran, under the policy that forbids every other one.
    assert!(seen.contains(&format!("{all} of {all} findings")), "{complaints}\n{seen}");
    assert!(!complaints.contains("Content Security Policy"), "{complaints}");
    assert!(seen.contains("&lt;img src=x onerror=alert(1)&gt;"));

    // Another script in the same page does not run; nor is anything asked of elsewhere. And a filter hides what it should.
    let page = std::fs::read_to_string(root.join("page.html")).unwrap();
    let foreign = "<script>document.title='owned'</script><img src='http://127.0.0.1:9/x'>";
    std::fs::write(root.join("foreign.html"), page.replace("<h1>", &format!("{foreign}<h1>"))).unwrap();
    let (seen, complaints) = opened(root, "foreign.html");
    assert!(!seen.contains("<title>owned"), "{seen}");
    assert!(complaints.contains("Content Security Policy"), "{complaints}");

    let chosen = page.replace("value=\"critical\" checked", "value=\"critical\"");
    std::fs::write(root.join("chosen.html"), chosen).unwrap();
    let (seen, _) = opened(root, "chosen.html");
    let hidden = seen.matches("<tr data-severity=\"critical\"").count();
    let shown = format!("{} of {all} findings", all - hidden);
    assert!(hidden > 0 && seen.contains(&shown), "{shown}");
}
