//! What a policy reaches: everything, more than it says by an escalation path, or whole services.

use super::actions::Width;
use super::document::{Document, Statement};

/// Single actions and pairs by which who has them gets more than he was given, and how.
///
/// From published research: Rhino Security Labs, "AWS IAM Privilege Escalation – Methods and Mitigation" (S. Gietzen, 2018, and its
/// later additions); Bishop Fox, "IAM Vulnerable" (S. Art, 2021); Datadog's pathfinding.cloud (2025). Those of Roles Anywhere are
/// ours.
pub const PATHS: &[Path] = &[
    Path { actions: &["iam:CreatePolicyVersion"], gives: "rewrites a policy that it has itself" },
    Path {
        actions: &["iam:SetDefaultPolicyVersion"],
        gives: "goes back to an older version of a policy, which may allow more",
    },
    Path { actions: &["iam:CreateAccessKey"], gives: "makes a static access key of another user" },
    Path { actions: &["iam:CreateLoginProfile"], gives: "gives another user a password, and knows it" },
    Path { actions: &["iam:UpdateLoginProfile"], gives: "changes another user's password" },
    Path { actions: &["iam:AttachUserPolicy"], gives: "attaches AdministratorAccess to a user" },
    Path { actions: &["iam:AttachGroupPolicy"], gives: "attaches AdministratorAccess to a group" },
    Path { actions: &["iam:AttachRolePolicy"], gives: "attaches AdministratorAccess to a role" },
    Path { actions: &["iam:PutUserPolicy"], gives: "writes a policy into a user" },
    Path { actions: &["iam:PutGroupPolicy"], gives: "writes a policy into a group" },
    Path { actions: &["iam:PutRolePolicy"], gives: "writes a policy into a role" },
    Path { actions: &["iam:AddUserToGroup"], gives: "joins any group" },
    Path { actions: &["iam:UpdateAssumeRolePolicy"], gives: "lets itself assume any role" },
    Path { actions: &["iam:DeleteRolePermissionsBoundary"], gives: "takes the boundary from a role" },
    Path { actions: &["iam:DeleteUserPermissionsBoundary"], gives: "takes the boundary from a user" },
    Path { actions: &["iam:PutRolePermissionsBoundary"], gives: "widens the boundary of a role" },
    Path { actions: &["iam:PutUserPermissionsBoundary"], gives: "widens the boundary of a user" },
    Path {
        actions: &["iam:CreateServiceSpecificCredential"],
        gives: "makes a lasting credential of another user",
    },
    Path {
        actions: &["iam:ResetServiceSpecificCredential"],
        gives: "learns a lasting credential of another user",
    },
    Path {
        actions: &["iam:DeactivateMFADevice", "iam:UpdateLoginProfile"],
        gives: "takes a user over without the second factor",
    },
    Path {
        actions: &["iam:UpdateSAMLProvider"],
        gives: "puts its own identity provider in the place of the trusted one",
    },
    Path { actions: &["sts:AssumeRole"], gives: "assumes every role that trusts the account" },
    Path { actions: &["iam:PassRole", "ec2:RunInstances"], gives: "starts an instance with any role" },
    Path {
        actions: &["iam:PassRole", "ec2:AssociateIamInstanceProfile"],
        gives: "gives an instance any role",
    },
    Path {
        actions: &["iam:PassRole", "ec2:RequestSpotInstances"],
        gives: "starts a spot instance with any role",
    },
    Path {
        actions: &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"],
        gives: "runs its own code with any role",
    },
    Path {
        actions: &["iam:PassRole", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"],
        gives: "runs its own code with any role, started by an event",
    },
    Path {
        actions: &["iam:PassRole", "lambda:CreateFunction", "lambda:AddPermission"],
        gives: "runs its own code with any role, started from elsewhere",
    },
    Path {
        actions: &["lambda:UpdateFunctionCode"],
        gives: "runs its own code with the role of any function",
    },
    Path { actions: &["lambda:UpdateFunctionConfiguration"], gives: "puts its own layer into any function" },
    Path { actions: &["iam:PassRole", "glue:CreateDevEndpoint"], gives: "opens an endpoint with any role" },
    Path { actions: &["glue:UpdateDevEndpoint"], gives: "puts its own key on an endpoint, which has a role" },
    Path {
        actions: &["iam:PassRole", "glue:CreateJob", "glue:StartJobRun"],
        gives: "runs a job with any role",
    },
    Path {
        actions: &["iam:PassRole", "glue:UpdateJob", "glue:StartJobRun"],
        gives: "runs a changed job with any role",
    },
    Path { actions: &["iam:PassRole", "cloudformation:CreateStack"], gives: "makes a stack with any role" },
    Path {
        actions: &["cloudformation:UpdateStack"],
        gives: "changes a stack, which keeps the role it was made with",
    },
    Path {
        actions: &["iam:PassRole", "datapipeline:CreatePipeline"],
        gives: "runs a pipeline with any role",
    },
    Path {
        actions: &["iam:PassRole", "sagemaker:CreateNotebookInstance"],
        gives: "opens a notebook with any role",
    },
    Path {
        actions: &["sagemaker:CreatePresignedNotebookInstanceUrl"],
        gives: "opens a notebook, which has a role",
    },
    Path {
        actions: &["iam:PassRole", "sagemaker:CreateTrainingJob"],
        gives: "runs its own image with any role",
    },
    Path {
        actions: &["iam:PassRole", "sagemaker:CreateProcessingJob"],
        gives: "runs its own image with any role",
    },
    Path {
        actions: &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:RunTask"],
        gives: "runs its own container with any role",
    },
    Path {
        actions: &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:CreateService"],
        gives: "runs its own container with any role",
    },
    Path {
        actions: &["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuild"],
        gives: "builds with any role",
    },
    Path {
        actions: &["iam:PassRole", "states:CreateStateMachine", "states:StartExecution"],
        gives: "runs a state machine with any role",
    },
    Path {
        actions: &[
            "iam:PassRole",
            "autoscaling:CreateAutoScalingGroup",
            "autoscaling:CreateLaunchConfiguration",
        ],
        gives: "starts instances with any role",
    },
    Path {
        actions: &["iam:PassRole", "apprunner:CreateService"],
        gives: "runs its own container with any role",
    },
    Path {
        actions: &["iam:PassRole", "batch:RegisterJobDefinition", "batch:SubmitJob"],
        gives: "runs its own container with any role",
    },
    Path { actions: &["iam:PassRole", "scheduler:CreateSchedule"], gives: "has any role call an API" },
    Path {
        actions: &["iam:PassRole", "ssm:StartAutomationExecution"],
        gives: "runs an automation with any role",
    },
    Path {
        actions: &[
            "iam:PassRole",
            "bedrock-agentcore:CreateCodeInterpreter",
            "bedrock-agentcore:InvokeCodeInterpreter",
        ],
        gives: "runs its own code with any role",
    },
    Path { actions: &["ssm:SendCommand"], gives: "runs commands on any managed host, with that host's role" },
    Path {
        actions: &["ssm:StartSession"],
        gives: "opens a shell on any managed host, with that host's role",
    },
    Path {
        actions: &["ec2-instance-connect:SendSSHPublicKey"],
        gives: "logs in to any instance, which has a role",
    },
    Path {
        actions: &["ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"],
        gives: "has any instance run its own commands at its next start",
    },
    Path {
        actions: &["ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"],
        gives: "has the next instances run its own commands",
    },
    Path { actions: &["ecs:ExecuteCommand"], gives: "opens a shell in any container, with its role" },
    Path {
        actions: &["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"],
        gives: "changes a stack, which keeps the role it was made with",
    },
    Path {
        actions: &["iam:PassRole", "cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"],
        gives: "makes stacks with any role",
    },
    Path {
        actions: &["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuildBatch"],
        gives: "builds with any role",
    },
    Path {
        actions: &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:StartTask"],
        gives: "runs its own container with any role",
    },
    Path {
        actions: &["iam:PassRole", "glue:CreateJob", "glue:CreateTrigger"],
        gives: "runs a job with any role",
    },
    Path {
        actions: &["iam:PassRole", "glue:UpdateJob", "glue:CreateTrigger"],
        gives: "runs a changed job with any role",
    },
    Path {
        actions: &["iam:PassRole", "rolesanywhere:CreateTrustAnchor", "rolesanywhere:CreateProfile"],
        gives: "makes its own CA trusted, and sessions of any role that trusts Roles Anywhere",
    },
    Path {
        actions: &["rolesanywhere:UpdateTrustAnchor"],
        gives: "puts its own CA in the place of the trusted one",
    },
];

/// One way to more than was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// What it needs, all of it.
    pub actions: &'static [&'static str],
    /// What it does.
    pub gives: &'static str,
}

impl Path {
    /// Names it: `iam:PassRole + ec2:RunInstances`.
    pub fn name(&self) -> String {
        self.actions.join(" + ")
    }
}

/// What a policy, or several together, reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Whether it allows every action on every resource.
    pub admin: bool,
    /// The paths that it opens; none is listed of an administrator.
    pub escalations: Vec<&'static Path>,
    /// Services of which every action is allowed, in their order.
    pub wildcard_services: Vec<String>,
}

/// Says what a policy reaches, as far as it is known: what a condition narrows, or an unconditional denial of everything takes
/// away, is not counted.
pub fn reach(document: &Document) -> Reach {
    reach_of(&[document])
}

/// The same of policies that one principal has together.
pub fn reach_of(documents: &[&Document]) -> Reach {
    let all = || documents.iter().flat_map(|document| &document.statements);
    let admin = all().any(|statement| {
        statement.is_allow()
            && statement.width() == Width::All
            && !statement.is_narrowed()
            && statement.actions.as_ref().is_some_and(|names| {
                !names.all_but && names.items.iter().any(|item| is_everything(&item.text))
            })
    });
    let mut wildcard_services: Vec<String> = Vec::new();
    for statement in all().filter(|statement| statement.is_allow() && statement.width() != Width::Some) {
        let names = statement.actions.iter().filter(|names| !names.all_but).flat_map(|names| &names.items);
        for service in names.filter_map(|item| whole_service(&item.text)) {
            if !wildcard_services.iter().any(|known| known.eq_ignore_ascii_case(service)) {
                wildcard_services.push(service.to_owned());
            }
        }
    }
    wildcard_services.sort();
    let opens = |path: &&Path| path.actions.iter().all(|action| allowing(documents, action).is_some());
    let escalations = if admin { Vec::new() } else { PATHS.iter().filter(opens).collect() };
    Reach { admin, escalations, wildcard_services }
}

/// Returns the statement that allows an action on everything, or on everything of its type.
pub(super) fn allowing<'a>(documents: &[&'a Document], action: &str) -> Option<&'a Statement> {
    let all = || documents.iter().flat_map(|document| &document.statements);
    let names =
        |statement: &&Statement| statement.actions.as_ref().is_some_and(|actions| actions.include(action));
    let is_denied = all().filter(names).any(|statement| {
        statement.is_deny()
            && statement.width() == Width::All
            && statement.conditions.is_empty()
            && !statement.has_unknown_condition
    });
    if is_denied {
        return None;
    }
    all().filter(names).find(|statement| {
        statement.is_allow() && statement.width() != Width::Some && !statement.is_narrowed()
    })
}

/// Tells whether a name stands for every action: `*`, `*:*`.
pub(super) fn is_everything(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter == '*' || letter == ':')
}

/// Returns the service of which a name is every action: `ec2:*`.
pub(super) fn whole_service(name: &str) -> Option<&str> {
    let (service, action) = name.split_once(':')?;
    let is_name =
        !service.is_empty() && service.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_name && !action.is_empty() && action.bytes().all(|byte| byte == b'*')).then_some(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(statements: serde_json::Value) -> Reach {
        let json = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
        reach(&Document::of_json(&json).unwrap())
    }

    #[test]
    fn what_policies_reach() {
        let admin = of(serde_json::json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
        assert!(admin.admin && admin.escalations.is_empty());
        let passes = of(serde_json::json!([
            {"Effect": "Allow", "Action": ["iam:PassRole", "ec2:*"], "Resource": "*"},
            {"Effect": "Allow", "Action": "iam:CreateAccessKey", "Resource": "arn:aws:iam::*:user/${aws:username}"},
            {"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": "arn:aws:iam::*:role/*",
             "Condition": {"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/b"}}},
        ]));
        let names: Vec<String> = passes.escalations.iter().map(|path| path.name()).collect();
        assert_eq!(
            names,
            [
                "iam:PassRole + ec2:RunInstances",
                "iam:PassRole + ec2:AssociateIamInstanceProfile",
                "iam:PassRole + ec2:RequestSpotInstances",
                "ec2:ModifyInstanceAttribute + ec2:StopInstances + ec2:StartInstances",
                "ec2:CreateLaunchTemplateVersion + ec2:ModifyLaunchTemplate",
            ]
        );
        assert_eq!(passes.wildcard_services, ["ec2"]);
        let denied = of(serde_json::json!([
            {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "iam:*", "Resource": "*"},
        ]));
        assert!(!denied.admin && denied.escalations.iter().all(|path| !path.name().contains("iam:")));
        assert!(denied.escalations.iter().any(|path| path.name() == "ssm:SendCommand"));
    }

    #[test]
    fn a_document_is_an_object_or_the_text_that_iam_keeps() {
        let text = r#"%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%5D%7D"#;
        assert!(reach(&Document::of_json(&serde_json::json!(text)).unwrap()).admin);
        assert_eq!(Document::of_json(&serde_json::json!({"a": 1})), None);
    }
}
