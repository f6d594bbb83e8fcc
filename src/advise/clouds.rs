//! Machines, containers and functions of other clouds.

use super::host::Host;
use super::{Confidence, Evidence, Finding, Place};

/// What the chassis of every virtual machine of Azure says; Hyper-V on premises has the same maker and another tag.
const AZURE_TAG: &str = "7783-7084-3265-9085-8269-3286-77";

/// Clouds whose machines have no token that AWS would take: a field of the firmware, how it begins, and the name.
const WITHOUT_IDENTITY: &[(&str, &str, &str)] = &[
    ("chassis_asset_tag", "OracleCloud.com", "Oracle Cloud"),
    ("sys_vendor", "Alibaba Cloud", "Alibaba Cloud"),
    ("sys_vendor", "Hetzner", "Hetzner"),
    ("sys_vendor", "DigitalOcean", "DigitalOcean"),
    ("sys_vendor", "OVHcloud", "OVHcloud"),
    ("sys_vendor", "Scaleway", "Scaleway"),
    ("sys_vendor", "Vultr", "Vultr"),
    ("sys_vendor", "Linode", "Akamai"),
    ("sys_vendor", "Exoscale", "Exoscale"),
    ("sys_vendor", "OpenStack Foundation", "a cloud of OpenStack"),
    ("product_name", "OpenStack", "a cloud of OpenStack"),
];

/// Finds the other cloud.
pub(super) fn find(host: &Host) -> Option<Finding> {
    google(host).or_else(|| azure(host)).or_else(|| without_identity(host))
}

fn google(host: &Host) -> Option<Finding> {
    let machine = host.dmi_says("product_name", "Google Compute Engine");
    let run = host.is_set("K_SERVICE").and_then(|service| Some([service, host.is_set("K_REVISION")?]));
    match (machine, run) {
        (Some(machine), _) => Some(Finding::new(
            Place::GoogleCloud,
            "a machine of Google Cloud",
            Confidence::Certain,
            vec![machine],
        )),
        // Knative, which anybody can run, sets the same.
        (None, Some(run)) => Some(Finding::new(
            Place::GoogleCloud,
            "a service of Cloud Run, or of another Knative",
            Confidence::Possible,
            run.to_vec(),
        )),
        (None, None) => None,
    }
}

fn azure(host: &Host) -> Option<Finding> {
    let tag = host.dmi_says("chassis_asset_tag", AZURE_TAG);
    let service = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"].map(|name| host.is_set(name));
    let evidence: Vec<Evidence> = match (tag, service) {
        (Some(tag), _) => vec![tag],
        (None, [Some(endpoint), Some(header)]) => vec![endpoint, header],
        (None, _) => return None,
    };
    Some(Finding::new(Place::Azure, "a machine or a service of Azure", Confidence::Certain, evidence))
}

fn without_identity(host: &Host) -> Option<Finding> {
    WITHOUT_IDENTITY.iter().find_map(|(field, start, name)| {
        let evidence = host.dmi_says(field, start)?;
        let name = format!("a machine of {name}");
        Some(Finding::new(Place::CloudWithoutIdentity, &name, Confidence::Certain, vec![evidence]))
    })
}
