//! Jobs of CI systems: a token that says which job of which repository it is, and ends with it.

use super::host::Host;
use super::{Confidence, Evidence, Finding, Place};

/// A CI system: how it is known, and what tells that a token is at hand.
struct System {
    name: &'static str,
    /// A variable that every job has, and what its value begins with.
    known_by: (&'static str, &'static str),
    /// Another variable that every job has.
    and: &'static str,
    /// The variables by which a job gets a token.
    token: &'static [&'static str],
    /// What makes a job able to get one.
    enable: &'static str,
    /// How it is told to AWS.
    connect: &'static str,
}

const SYSTEMS: &[System] = &[
    System {
        name: "GitHub Actions",
        known_by: ("GITHUB_ACTIONS", "true"),
        and: "GITHUB_RUN_ID",
        token: &["ACTIONS_ID_TOKEN_REQUEST_URL"],
        enable: "give the job a token: permissions: { id-token: write, contents: read } in the workflow",
        connect: "use the action aws-actions/configure-aws-credentials with role-to-assume; provider https://token.actions.githubusercontent.com, audience sts.amazonaws.com, and a condition on token.actions.githubusercontent.com:sub (repo:OWNER/NAME:ref:refs/heads/main)",
    },
    System {
        name: "GitLab CI/CD",
        known_by: ("GITLAB_CI", "true"),
        and: "CI_JOB_ID",
        token: &[],
        enable: "give the job a token: id_tokens: { AWS_TOKEN: { aud: https://gitlab.com } } in .gitlab-ci.yml, the address being that of your GitLab",
        connect: "write the token to a file, and set AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN; a condition on gitlab.com:sub (project_path:GROUP/NAME:ref_type:branch:ref:main)",
    },
    System {
        name: "CircleCI",
        known_by: ("CIRCLECI", "true"),
        and: "CIRCLE_WORKFLOW_ID",
        token: &["CIRCLE_OIDC_TOKEN_V2", "CIRCLE_OIDC_TOKEN"],
        enable: "every job has a token in CIRCLE_OIDC_TOKEN_V2",
        connect: "use the orb circleci/aws-cli with role_arn; provider https://oidc.circleci.com/org/ORGANIZATION_ID",
    },
    System {
        name: "Bitbucket Pipelines",
        known_by: ("BITBUCKET_BUILD_NUMBER", ""),
        and: "BITBUCKET_WORKSPACE",
        token: &["BITBUCKET_STEP_OIDC_TOKEN"],
        enable: "give the step a token: oidc: true in bitbucket-pipelines.yml",
        connect: "write BITBUCKET_STEP_OIDC_TOKEN to a file, and set AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN",
    },
    System {
        name: "Buildkite",
        known_by: ("BUILDKITE", "true"),
        and: "BUILDKITE_JOB_ID",
        token: &["BUILDKITE_AGENT_ACCESS_TOKEN"],
        enable: "a job asks for its token: buildkite-agent oidc request-token --audience sts.amazonaws.com",
        connect: "use the plugin aws-assume-role-with-web-identity; provider https://agent.buildkite.com",
    },
    System {
        name: "Azure Pipelines",
        known_by: ("TF_BUILD", "True"),
        and: "SYSTEM_TEAMPROJECT",
        token: &["SYSTEM_OIDCREQUESTURI"],
        enable: "make a service connection of AWS with OIDC (AWS Toolkit for Azure DevOps)",
        connect: "name the service connection in the task; provider https://vstoken.dev.azure.com/ORGANIZATION_ID",
    },
    System {
        name: "HCP Terraform",
        known_by: ("TFC_RUN_ID", "run-"),
        and: "TFC_WORKSPACE_NAME",
        token: &["TFC_WORKLOAD_IDENTITY_TOKEN"],
        enable: "set TFC_AWS_PROVIDER_AUTH=true in the workspace",
        connect: "set TFC_AWS_RUN_ROLE_ARN; provider https://app.terraform.io, audience aws.workload.identity",
    },
    System {
        name: "Vercel",
        known_by: ("VERCEL", "1"),
        and: "VERCEL_ENV",
        token: &["VERCEL_OIDC_TOKEN"],
        enable: "turn on OIDC federation in the project's settings",
        connect: "use awsCredentialsProvider of @vercel/oidc-aws-credentials-provider; provider https://oidc.vercel.com/TEAM",
    },
];

/// Finds the job that this runs in.
pub(super) fn find(host: &Host) -> Vec<Finding> {
    let oidc = SYSTEMS.iter().filter_map(|system| job(host, system));
    oidc.chain(code_build(host)).collect()
}

fn job(host: &Host, system: &System) -> Option<Finding> {
    let (name, value) = system.known_by;
    let mut evidence = vec![host.says(name, value)?];
    let another = host.is_set(system.and);
    // `act` plays GitHub's part on a developer's machine, without tokens.
    let is_played = host.variable("ACT").is_some();
    let confidence = match &another {
        Some(_) if !is_played => Confidence::Certain,
        Some(_) | None => Confidence::Possible,
    };
    evidence.extend(another);
    if is_played {
        evidence.push(Evidence::new("$ACT", "is set: a run of act, not of the system itself"));
    }
    let token = system.token.iter().find_map(|name| host.is_set(name));
    let has_token = token.is_some();
    evidence.extend(token);
    let mut finding =
        Finding::new(Place::CiWithOidc, &format!("a job of {}", system.name), confidence, evidence);
    finding.steps.push(system.connect.to_owned());
    Some(if has_token { finding } else { finding.first(system.enable) })
}

fn code_build(host: &Host) -> Option<Finding> {
    let evidence = vec![host.says("CODEBUILD_BUILD_ARN", "arn:aws")?];
    Some(Finding::new(Place::CodeBuild, "a build of AWS CodeBuild", Confidence::Certain, evidence))
}
