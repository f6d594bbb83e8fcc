//! What AWS runs, and pods: functions, tasks, instances, and machines that its agent manages.

use super::host::Host;
use super::{Confidence, Evidence, Finding, Place};

/// Where a pod finds the token of its service account.
const POD_TOKEN: &str = "var/run/secrets/kubernetes.io/serviceaccount/token";
/// Where the agent of Systems Manager keeps its registration: of a package, and of a snap.
const SSM_FOLDERS: &[&str] = &["var/lib/amazon/ssm", "var/snap/amazon-ssm-agent/current/var/lib/amazon/ssm"];
const SSM_PROGRAMS: &[&str] = &["usr/bin/amazon-ssm-agent", "snap/amazon-ssm-agent/current/amazon-ssm-agent"];

/// Finds what this runs in, the innermost first.
pub(super) fn find(host: &Host) -> Vec<Finding> {
    let instance = instance(host);
    let found = [lambda(host), batch(host), cloud_shell(host), pod(host, instance.is_some())];
    let mut found: Vec<Finding> = found.into_iter().flatten().collect();
    if !found.iter().any(|finding| finding.place == Place::Batch) {
        found.extend(task(host));
    }
    match hybrid(host, instance.is_some()) {
        Some(hybrid) => found.push(hybrid),
        None => found.extend(instance),
    }
    found
}

fn lambda(host: &Host) -> Option<Finding> {
    let name = host.is_set("AWS_LAMBDA_FUNCTION_NAME")?;
    // The emulator of AWS's images calls every function so, and that of AWS SAM says who it is.
    let is_played = host.variable("AWS_SAM_LOCAL").is_some()
        || host.variable("AWS_LAMBDA_FUNCTION_NAME").as_deref() == Some("test_function");
    let others = [host.says("AWS_EXECUTION_ENV", "AWS_Lambda_"), host.is_set("AWS_LAMBDA_LOG_STREAM_NAME")];
    let mut evidence: Vec<Evidence> = std::iter::once(name).chain(others.into_iter().flatten()).collect();
    let confidence = if is_played {
        evidence.push(Evidence::new("$AWS_SAM_LOCAL or the function's name", "says that it is an emulator"));
        Confidence::Possible
    } else if evidence.len() > 1 {
        Confidence::Certain
    } else {
        Confidence::Possible
    };
    Some(Finding::new(Place::Lambda, "a function of Lambda", confidence, evidence))
}

fn batch(host: &Host) -> Option<Finding> {
    let evidence = vec![host.is_set("AWS_BATCH_JOB_ID")?, host.is_set("AWS_BATCH_JQ_NAME")?];
    let has_role = host.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some();
    let finding = Finding::new(Place::Batch, "a job of AWS Batch", Confidence::Certain, evidence);
    Some(if has_role {
        finding
    } else {
        finding.first("give the job a role: jobRoleArn in its definition; it has none")
    })
}

fn cloud_shell(host: &Host) -> Option<Finding> {
    let evidence = vec![host.says("AWS_EXECUTION_ENV", "CloudShell")?];
    Some(Finding::new(Place::CloudShell, "AWS CloudShell", Confidence::Certain, evidence))
}

fn task(host: &Host) -> Option<Finding> {
    let metadata = ["ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"];
    let metadata = metadata.iter().find_map(|name| host.says(name, "http://169.254.170.2/"));
    let execution = host.says("AWS_EXECUTION_ENV", "AWS_ECS_");
    let uri = host.says("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/");
    let has_role = uri.is_some();
    // The path may lead to the credentials, and says nothing more than that there is one.
    let uri = uri.map(|found| Evidence::new(found.source, "is set"));
    let evidence: Vec<Evidence> = [metadata, execution, uri].into_iter().flatten().collect();
    let confidence = match evidence.len() {
        0 => return None,
        // A variable that was carried away from a task, by hand or by an image.
        1 => Confidence::Possible,
        _ => Confidence::Certain,
    };
    let finding = Finding::new(Place::Ecs, "a task of ECS", confidence, evidence);
    Some(if has_role {
        finding
    } else {
        finding.first("give the task a role: taskRoleArn in its definition; it has none")
    })
}

fn pod(host: &Host, on_ec2: bool) -> Option<Finding> {
    let service = host.is_set("KUBERNETES_SERVICE_HOST");
    let token = host.exists(POD_TOKEN);
    let pod_identity = host
        .says("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/")
        .or_else(|| host.says("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[fd00:ec2::23]/"));
    if let (Some(address), Some(file)) = (pod_identity, host.is_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"))
    {
        let evidence = [Some(address), Some(file), service].into_iter().flatten().collect();
        return Some(Finding::new(
            Place::EksPodIdentity,
            "a pod of EKS with Pod Identity",
            Confidence::Certain,
            evidence,
        ));
    }
    let own_role = host.is_set("AWS_ROLE_ARN").and_then(|role| {
        let file = host.variable("AWS_WEB_IDENTITY_TOKEN_FILE")?;
        let there = host.exists(file.trim_start_matches('/'))?;
        Some([role, there])
    });
    if let (Some(own_role), Some(service)) = (own_role, &service) {
        let evidence = own_role.into_iter().chain([service.clone()]).collect();
        let name = "a pod with a role for its service account";
        return Some(Finding::new(Place::EksServiceAccount, name, Confidence::Certain, evidence));
    }
    let evidence: Vec<Evidence> = [service, token].into_iter().flatten().collect();
    let confidence = match evidence.len() {
        0 => return None,
        1 => Confidence::Likely,
        _ => Confidence::Certain,
    };
    let name = if on_ec2 {
        "a pod of a cluster on EC2, of EKS probably"
    } else {
        "a pod of a cluster outside of AWS"
    };
    let mut finding = Finding::new(Place::Pod, name, confidence, evidence);
    let step = if on_ec2 {
        "on EKS: install the add-on eks-pod-identity-agent, then aws eks create-pod-identity-association with the service account and the role"
    } else {
        "where cert-manager is in the cluster: let it issue a certificate for each service account, and use that with Roles Anywhere (anyrole setup)"
    };
    finding.steps.insert(0, step.to_owned());
    Some(finding)
}

fn instance(host: &Host) -> Option<Finding> {
    let vendors = ["sys_vendor", "board_vendor", "chassis_vendor", "bios_vendor"];
    let vendors = vendors.iter().filter_map(|field| host.dmi_says(field, "Amazon"));
    // Older instances, on Xen.
    let versions = ["bios_version", "product_version"].iter().filter_map(|field| host.dmi(field));
    let versions = versions.filter(|evidence| evidence.says.ends_with(".amazon"));
    let id = host.dmi_says("board_asset_tag", "i-");
    let mut evidence: Vec<Evidence> = vendors.chain(versions).chain(id).collect();
    let hypervisor = "sys/hypervisor/uuid";
    let uuid = host.line(hypervisor).filter(|uuid| uuid.to_ascii_lowercase().starts_with("ec2"));
    let confidence = match (evidence.is_empty(), &uuid) {
        (false, _) => Confidence::Certain,
        // One in 4,096 of all uuids begins so.
        (true, Some(_)) => Confidence::Possible,
        (true, None) => return None,
    };
    evidence.extend(uuid.map(|uuid| Evidence::new(format!("/{hypervisor}"), uuid)));
    let container = container(host);
    let mut finding = match &container {
        None => Finding::new(Place::Ec2, "an EC2 instance", confidence, evidence),
        Some(_) => Finding::new(
            Place::Ec2,
            "a container on an EC2 instance",
            confidence.min(Confidence::Likely),
            evidence,
        ),
    };
    if let Some(container) = container {
        finding.evidence.push(container);
        finding.steps.insert(0, String::from(
            "every container of the instance gets the instance's role: if that is more than this one needs, keep a certificate of its own for it",
        ));
    }
    Some(finding)
}

/// Tells that this is a container.
fn container(host: &Host) -> Option<Evidence> {
    host.exists(".dockerenv")
        .or_else(|| host.exists("run/.containerenv"))
        .or_else(|| host.is_set("container"))
}

/// Tells that the agent of Systems Manager manages the machine, which is not an instance.
fn hybrid(host: &Host, on_ec2: bool) -> Option<Finding> {
    let registration = SSM_FOLDERS.iter().find_map(|folder| {
        let path = format!("{folder}/registration");
        let text = host.text(&path)?;
        let document: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(Evidence::new(format!("/{path}"), document.get("ManagedInstanceID")?.as_str()?))
    });
    match registration {
        Some(found) if found.says.starts_with("mi-") => Some(Finding::new(
            Place::SsmHybrid,
            "a machine that Systems Manager manages, outside of EC2",
            Confidence::Certain,
            vec![found],
        )),
        Some(_) => None,
        // Only root can read the registration; on an instance the agent is usual.
        None if on_ec2 => None,
        None => {
            let found = SSM_PROGRAMS.iter().find_map(|path| host.exists(path))?;
            let name = "a machine with the agent of Systems Manager";
            let finding = Finding::new(Place::SsmHybrid, name, Confidence::Possible, vec![found]);
            Some(
                finding
                    .first("run anyrole advise as root: whether the agent is registered, only root can read"),
            )
        }
    }
}
