//! Computers that a person sits at.

use super::host::Host;
use super::{Confidence, Evidence, Finding, Place};

/// The kinds of chassis that are carried about (SMBIOS 7.4.1): portable, laptop, notebook, sub-notebook, convertible, detachable.
const PORTABLE: &[&str] = &["8", "9", "10", "14", "31", "32"];

/// Finds signs of a person's computer.
pub(super) fn find(host: &Host) -> Option<Finding> {
    let chassis = host.dmi("chassis_type").filter(|evidence| PORTABLE.contains(&evidence.says.as_str()));
    let battery =
        ["BAT0", "BAT1"].iter().find_map(|name| host.exists(&format!("sys/class/power_supply/{name}")));
    let windows = host.is_set("WSL_DISTRO_NAME");
    let mac = host.exists("System/Library/CoreServices/Finder.app");
    // A person may have sat down at a server, or have come by ssh -X.
    let session = ["XDG_CURRENT_DESKTOP", "WAYLAND_DISPLAY"].iter().find_map(|name| host.is_set(name));
    let sign_in = sign_in(host);
    let hardware: Vec<Evidence> = [chassis, battery, windows, mac].into_iter().flatten().collect();
    let confidence = match (hardware.len(), session.is_some() || sign_in.is_some()) {
        (0, false) => return None,
        (0, true) => Confidence::Possible,
        (1, false) => Confidence::Likely,
        (1, true) | (2.., _) => Confidence::Certain,
    };
    let evidence = hardware.into_iter().chain(session).chain(sign_in).collect();
    Some(Finding::new(Place::Laptop, "a person's computer", confidence, evidence))
}

/// Tells that a profile of the AWS config file signs in by Identity Center.
fn sign_in(host: &Host) -> Option<Evidence> {
    let home = host.variable("HOME")?;
    let path = format!("{}/.aws/config", home.trim_start_matches('/'));
    let text = host.text(&path)?;
    let has_session = text.lines().any(|line| line.trim_start().starts_with("sso_"));
    has_session.then(|| Evidence::new(format!("/{path}"), "has a profile of Identity Center"))
}
